// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"
)

type options struct {
	pings, streams, kib int
	idle, timeout       time.Duration
}

// result is what one check found.
type result struct {
	Name   string         `json:"name"`
	OK     bool           `json:"ok"`
	Error  string         `json:"error,omitempty"`
	Ms     float64        `json:"ms"`
	Values map[string]any `json:"values,omitempty"`
}

type report struct {
	OK     bool      `json:"ok"`
	Peer   string    `json:"peer"`
	Checks []*result `json:"checks"`
}

// dialer is what the checks work on.
type dialer struct {
	options
	h          host.Host
	target     peer.AddrInfo
	identified <-chan interface{}
	values     map[string]any
}

// checks in the order they are made; connect always comes first.
var checks = []struct {
	name string
	run  func(*dialer, context.Context) error
}{
	{"connect", (*dialer).connect},
	{"identify", (*dialer).identify},
	{"ping", (*dialer).ping},
	{"unknown", (*dialer).unknown},
	{"streams", (*dialer).manyStreams},
	{"echo", (*dialer).echo},
	{"halfclose", (*dialer).halfClose},
	{"reset", (*dialer).reset},
	{"discard", (*dialer).discard},
	{"source", (*dialer).source},
	{"discard16", (*dialer).discard16},
	{"source16", (*dialer).source16},
	{"push", (*dialer).push},
	{"idle", (*dialer).beIdle},
}

func checkNames() []string {
	var names []string
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

func runChecks(h host.Host, target multiaddr.Multiaddr, names []string,
	o options) (*report, error) {
	info, err := peer.AddrInfoFromP2pAddr(target)
	if err != nil {
		return nil, err
	}
	sub, err := h.EventBus().Subscribe([]interface{}{
		new(event.EvtPeerIdentificationCompleted),
		new(event.EvtPeerIdentificationFailed)})
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	d := &dialer{options: o, h: h, target: *info, identified: sub.Out()}
	rep := &report{OK: true, Peer: info.ID.String()}
	if len(names) == 0 || names[0] != "connect" {
		names = append([]string{"connect"}, names...)
	}
	for _, name := range names {
		r := d.check(name)
		rep.Checks = append(rep.Checks, r)
		rep.OK = rep.OK && r.OK
		if name == "connect" && !r.OK {
			break
		}
	}
	return rep, nil
}

func (d *dialer) check(name string) *result {
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
	defer cancel()
	d.values = map[string]any{}
	r := &result{Name: name, Values: d.values}
	start := time.Now()
	err := fmt.Errorf("no such check")
	for _, c := range checks {
		if c.name == name {
			err = c.run(d, ctx)
		}
	}
	r.Ms = float64(time.Since(start).Microseconds()) / 1000
	r.OK = err == nil
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

func (d *dialer) connect(ctx context.Context) error {
	if err := d.h.Connect(ctx, d.target); err != nil {
		return err
	}
	for _, c := range d.h.Network().ConnsToPeer(d.target.ID) {
		d.values["security"] = c.ConnState().Security
		d.values["muxer"] = c.ConnState().StreamMultiplexer
		d.values["early_muxer"] = c.ConnState().UsedEarlyMuxerNegotiation
	}
	return nil
}

func (d *dialer) identify(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case e := <-d.identified:
		switch e := e.(type) {
		case event.EvtPeerIdentificationFailed:
			return e.Reason
		case event.EvtPeerIdentificationCompleted:
			d.values["agent"] = e.AgentVersion
			d.values["protocol_version"] = e.ProtocolVersion
			d.values["protocols"] = e.Protocols
			d.values["listen_addrs"] = e.ListenAddrs
			d.values["observed"] = e.ObservedAddr
			d.values["signed_record"] = e.SignedPeerRecord != nil
		}
	}
	return nil
}

func (d *dialer) ping(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var longest time.Duration
	results := ping.Ping(ctx, d.h, d.target.ID)
	for i := 0; i < d.pings; i++ {
		r, ok := <-results
		if !ok {
			return fmt.Errorf("ping %d: no answer", i)
		}
		if r.Error != nil {
			return fmt.Errorf("ping %d: %w", i, r.Error)
		}
		longest = max(longest, r.RTT)
	}
	d.values["rtt_us_max"] = longest.Microseconds()
	return nil
}

// open makes a stream that cannot outlive the check.
func (d *dialer) open(ctx context.Context, p protocol.ID) (
	network.Stream, error) {
	s, err := d.h.NewStream(ctx, d.target.ID, p)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		s.SetDeadline(deadline)
	}
	return s, nil
}

// unknown wants a refusal that leaves the connection as it was.
func (d *dialer) unknown(ctx context.Context) error {
	before := d.conn()
	s, err := d.open(ctx, "/no-such-protocol/1.0.0")
	if err == nil {
		s.Reset()
		return fmt.Errorf("an unknown protocol was accepted")
	}
	if d.conn() != before {
		return fmt.Errorf("the connection was lost: %w", err)
	}
	return nil
}

func (d *dialer) conn() network.Conn {
	for _, c := range d.h.Network().ConnsToPeer(d.target.ID) {
		return c
	}
	return nil
}

// exchange sends data on a new echo stream and half-closes it, reads until
// FIN at the same time, and compares.
func (d *dialer) exchange(ctx context.Context, data []byte) error {
	s, err := d.open(ctx, echoProtocol)
	if err != nil {
		return err
	}
	defer s.Reset() // does nothing once both sides are closed
	var g errgroup.Group
	g.Go(func() error {
		if _, err := s.Write(data); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return s.CloseWrite()
	})
	got, err := io.ReadAll(s)
	if err := errors.Join(err, g.Wait()); err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("sent %d bytes, other ones came back (%d)",
			len(data), len(got))
	}
	return s.Close()
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(b)
	return b
}

func (d *dialer) manyStreams(ctx context.Context) error {
	var g errgroup.Group
	for i := 0; i < d.streams; i++ {
		g.Go(func() error {
			if err := d.exchange(ctx, randomBytes(1024+i)); err != nil {
				return fmt.Errorf("stream %d: %w", i, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (d *dialer) echo(ctx context.Context) error {
	start := time.Now()
	err := d.exchange(ctx, randomBytes(d.kib*1024))
	d.rate(start)
	return err
}

func (d *dialer) rate(start time.Time) {
	mib := float64(d.kib) / 1024
	d.values["mib_per_s"] = mib / time.Since(start).Seconds()
}

// halfClose waits for the FIN of a stream that carried nothing, and reads
// only after its own FIN on one that did.
func (d *dialer) halfClose(ctx context.Context) error {
	if err := d.exchange(ctx, nil); err != nil {
		return fmt.Errorf("empty stream: %w", err)
	}
	s, err := d.open(ctx, echoProtocol)
	if err != nil {
		return err
	}
	defer s.Reset()
	data := randomBytes(64 * 1024)
	if _, err := s.Write(data); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(s)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes after the half-close", len(got))
	}
	return nil
}

// reset drops streams in the middle; the connection must not mind.
func (d *dialer) reset(ctx context.Context) error {
	before := d.conn()
	for i := 0; i < 20; i++ {
		s, err := d.open(ctx, echoProtocol)
		if err != nil {
			return err
		}
		if _, err := s.Write(randomBytes(4096)); err != nil {
			return err
		}
		if _, err := io.ReadFull(s, make([]byte, 1+i*100)); err != nil {
			return err
		}
		if err := s.Reset(); err != nil {
			return err
		}
	}
	if err := d.exchange(ctx, randomBytes(1024)); err != nil {
		return fmt.Errorf("after the resets: %w", err)
	}
	if d.conn() != before {
		return fmt.Errorf("the connection was lost")
	}
	return nil
}

func (d *dialer) discard(ctx context.Context) error {
	return d.send(ctx, d.kib*1024)
}

func (d *dialer) source(ctx context.Context) error {
	return d.receive(ctx, d.kib*1024)
}

func (d *dialer) discard16(ctx context.Context) error {
	return times16(func() error { return d.send(ctx, d.kib*64) })
}

func (d *dialer) source16(ctx context.Context) error {
	return times16(func() error { return d.receive(ctx, d.kib*64) })
}

func times16(f func() error) error {
	var g errgroup.Group
	for i := 0; i < 16; i++ {
		g.Go(f)
	}
	return g.Wait()
}

// send has bytes counted by the other side.
func (d *dialer) send(ctx context.Context, want int) error {
	s, err := d.open(ctx, discardProtocol)
	if err != nil {
		return err
	}
	defer s.Reset()
	if _, err := io.CopyN(s, &pattern{}, int64(want)); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	var got uint64
	if err := binary.Read(s, binary.BigEndian, &got); err != nil {
		return err
	}
	if got != uint64(want) {
		return fmt.Errorf("sent %d bytes, %d arrived", want, got)
	}
	return nil
}

// receive has bytes sent by the other side, and looks at them.
func (d *dialer) receive(ctx context.Context, want int) error {
	s, err := d.open(ctx, sourceProtocol)
	if err != nil {
		return err
	}
	defer s.Reset()
	if err := binary.Write(s, binary.BigEndian, uint64(want)); err != nil {
		return err
	}
	got, err := io.ReadAll(s)
	if err != nil {
		return err
	}
	if len(got) != want {
		return fmt.Errorf("asked for %d bytes, got %d", want, len(got))
	}
	for i, b := range got {
		if int(b) != i%patternPeriod {
			return fmt.Errorf("byte %d is wrong", i)
		}
	}
	return nil
}

// push serves another protocol, which the other side has to hear of.
func (d *dialer) push(ctx context.Context) error {
	const news = "/pushed/1.0.0"
	d.h.SetStreamHandler(news, func(s network.Stream) { s.Reset() })
	for {
		s, err := d.open(ctx, knownProtocol)
		if err != nil {
			return err
		}
		err = s.CloseWrite()
		text, readErr := io.ReadAll(s)
		s.Close()
		if err := errors.Join(err, readErr); err != nil {
			return err
		}
		if strings.Contains(string(text), news+"\n") {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("what was pushed is not known")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// beIdle leaves all to what keeps the connection alive.
func (d *dialer) beIdle(context.Context) error {
	before := d.conn()
	time.Sleep(d.idle)
	if d.conn() != before {
		return errors.New("the connection was lost")
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
	defer cancel()
	return d.exchange(ctx, randomBytes(1000))
}
