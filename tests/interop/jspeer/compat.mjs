// SPDX-License-Identifier: ISC

// What js-libp2p takes for granted and Node 20 does not have yet.
Promise.withResolvers ??= function () {
  const all = {}
  all.promise = new this((resolve, reject) => {
    Object.assign(all, { resolve, reject })
  })
  return all
}
