// SPDX-License-Identifier: ISC

// jspeer is a js-libp2p host over TCP, TLS and yamux, with the commands, the
// protocols and the checks of gopeer:
//
//	node peer.mjs listen [SEED]
//	node peer.mjs dial KIB STREAMS IDLE_S MULTIADDR [CHECK ...]

import './compat.mjs'
import { identify, identifyPush } from '@libp2p/identify'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const ECHO = '/echo/1.0.0'
const DISCARD = '/discard/1.0.0'
const SOURCE = '/source/1.0.0'
const KNOWN = '/known/1.0.0'
const MANY = { maxInboundStreams: 1000, maxOutboundStreams: 1000 }

const period = 251
const table = Uint8Array.from({ length: 300 * period }, (_, i) => i % period)

function pattern (length, offset) {
  const start = offset % period
  return table.subarray(start, start + Math.min(length, 65536))
}

function isPattern (bytes, offset) {
  for (let at = 0; at < bytes.length;) {
    const part = pattern(bytes.length - at, offset + at)
    const other = bytes.subarray(at, at + part.length)
    if (Buffer.compare(other, part) !== 0) return false
    at += part.length
  }
  return true
}

const flat = chunk => chunk.subarray() // a list of arrays, or one

async function send (stream, bytes) {
  if (!stream.send(bytes)) await stream.onDrain()
}

async function sendPattern (stream, count) {
  for (let sent = 0; sent < count;) {
    const part = pattern(count - sent, sent)
    await send(stream, part)
    sent += part.length
  }
}

function number (value) {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

// The chunks of a stream. Its own iterator waits for ever if the end had come
// before, as it does with peers that send all they have along with the proposal
// of the protocol.
async function * chunksOf (stream) {
  const chunks = []
  let isOver = stream.readableEnded
  let wake = () => {}
  let failure
  const listen = (name, f) => stream.addEventListener(name, event => {
    f(event)
    wake()
  })
  listen('message', event => chunks.push(flat(event.data).slice()))
  listen('end', () => { isOver = true })
  listen('close', event => {
    isOver = true
    failure = event.error
  })
  while (true) {
    while (chunks.length > 0) yield chunks.shift()
    if (failure) throw failure
    if (isOver || stream.readableEnded) return
    await new Promise(resolve => { wake = resolve })
  }
}

async function readAll (stream) {
  const chunks = []
  for await (const chunk of chunksOf(stream)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

// --- serving ---------------------------------------------------------------

async function echo (stream) {
  for await (const chunk of chunksOf(stream)) await send(stream, chunk)
  await stream.close()
}

async function discard (stream) {
  let count = 0
  for await (const chunk of chunksOf(stream)) count += chunk.length
  await send(stream, number(count))
  await stream.close()
}

async function source (stream) {
  let head = Buffer.alloc(0)
  for await (const chunk of chunksOf(stream)) {
    head = Buffer.concat([head, chunk])
    if (head.length >= 8) break
  }
  await sendPattern(stream, Number(head.readBigUInt64BE()))
  await stream.close()
}

function serve (node) {
  const protocols = { [ECHO]: echo, [DISCARD]: discard, [SOURCE]: source }
  const guard = f => (stream, connection) =>
    f(stream, connection).catch(err => stream.abort(err))
  for (const [name, f] of Object.entries(protocols)) {
    node.handle(name, guard(f), MANY)
  }
  node.handle(KNOWN, guard(async (stream, connection) => {
    await readAll(stream)
    const peer = await node.peerStore.get(connection.remotePeer)
    const addresses = peer.addresses.map(a => a.multiaddr.toString())
    const lines = [...addresses, ...peer.protocols, '']
    await send(stream, Buffer.from(lines.join('\n')))
    await stream.close()
  }), MANY)
}

async function host (seed, listen) {
  const node = await createLibp2p({
    ...(seed && {
      privateKey: await generateKeyPairFromSeed(
        'Ed25519', Buffer.from(seed, 'hex'))
    }),
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1000 },
    services: {
      identify: identify({ agentVersion: 'jspeer' }),
      identifyPush: identifyPush(),
      ping: ping()
    }
  })
  serve(node)
  return node
}

// --- checks -----------------------------------------------------------------

function need (ok, text) {
  if (!ok) throw new Error(text)
}

async function exchange (run, count) {
  const stream = await run.connection.newStream(ECHO, MANY)
  const reading = readAll(stream)
  await sendPattern(stream, count)
  await stream.close()
  const got = await reading
  need(got.length === count && isPattern(got, 0),
    `sent ${count} bytes, other ones came back (${got.length})`)
}

async function upload (run, count) {
  const stream = await run.connection.newStream(DISCARD, MANY)
  await sendPattern(stream, count)
  await stream.close()
  const got = Number((await readAll(stream)).readBigUInt64BE())
  need(got === count, `sent ${count} bytes, ${got} arrived`)
}

async function download (run, count) {
  const stream = await run.connection.newStream(SOURCE, MANY)
  const reading = readAll(stream)
  await send(stream, number(count))
  await stream.close()
  const got = await reading
  need(got.length === count && isPattern(got, 0),
    `${got.length} of ${count} bytes came`)
}

const times = (n, f) =>
  Promise.all(Array.from({ length: n }, (_, i) => f(i)))

async function halfclose (run) {
  await exchange(run, 0)
  const stream = await run.connection.newStream(ECHO, MANY)
  await sendPattern(stream, 65536)
  await stream.close()
  const got = await readAll(stream)
  need(got.length === 65536, `${got.length} bytes after the half-close`)
}

async function reset (run) {
  for (let i = 0; i < 20; i++) {
    const stream = await run.connection.newStream(ECHO, MANY)
    await sendPattern(stream, 4096)
    for await (const chunk of chunksOf(stream)) { need(chunk.length > 0); break }
    stream.abort(new Error('on purpose'))
  }
  await exchange(run, 1024)
}

async function unknown (run) {
  const stream = await run.connection.newStream(
    '/no-such-protocol/1.0.0', MANY).catch(() => null)
  need(stream === null, 'an unknown protocol was accepted')
}

// Serves another protocol, which the other side has to hear of.
async function push (run) {
  await run.identified
  await run.node.handle('/pushed/1.0.0', () => {})
  for (let i = 0; i < 100; i++) {
    const stream = await run.connection.newStream(KNOWN, MANY)
    await stream.close()
    const text = (await readAll(stream)).toString()
    if (text.includes('/pushed/1.0.0\n')) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error('what was pushed is not known')
}

async function identified (run) {
  const seen = await run.identified
  need(seen.protocols.includes(ECHO), 'the echo protocol is not listed')
  need(seen.signedPeerRecord !== undefined, 'no signed peer record came')
}

const checks = {
  identify: identified,
  ping: async run => {
    for (let i = 0; i < 10; i++) await run.node.services.ping.ping(run.target)
  },
  unknown,
  streams: run => times(run.streams, i => exchange(run, 1024 + i)),
  echo: run => exchange(run, run.bytes / 4),
  halfclose,
  reset,
  discard: run => upload(run, run.bytes),
  source: run => download(run, run.bytes),
  discard16: run => times(16, () => upload(run, run.bytes / 16)),
  source16: run => times(16, () => download(run, run.bytes / 16)),
  push,
  idle: async run => {
    await new Promise(resolve => setTimeout(resolve, run.idleMs))
    await exchange(run, 1000)
  }
}

async function report (name, f) {
  let error = ''
  try {
    await f()
  } catch (err) {
    error = String(err.message || err)
  }
  console.log(JSON.stringify({ name, ok: error === '', error }))
  return error === ''
}

async function dial ([kib, streams, idle, address, ...names]) {
  const node = await host('', [])
  const run = {
    node,
    target: multiaddr(address),
    bytes: kib * 1024,
    streams: Number(streams),
    idleMs: idle * 1000
  }
  run.identified = new Promise(resolve =>
    node.addEventListener('peer:identify', e => resolve(e.detail)))
  let ok = await report('connect', async () => {
    run.connection = await node.dial(run.target)
  })
  const first = run.connection
  for (const name of ok ? (names.length ? names : Object.keys(checks)) : []) {
    ok = await report(name, () => checks[name](run)) && ok
    need(first.status === 'open', `${name}: the connection was lost`)
  }
  await node.stop()
  return ok
}

const [mode, ...rest] = process.argv.slice(2)
if (mode === 'listen') {
  const node = await host(rest[0], ['/ip4/127.0.0.1/tcp/0'])
  console.log(node.getMultiaddrs()[0].toString())
  process.stdin.on('end', () => node.stop().then(() => process.exit(0)))
  process.stdin.resume()
} else {
  process.exit(await dial(rest) ? 0 : 1)
}
