// SPDX-License-Identifier: ISC

// gopeer is a go-libp2p host over TCP, TLS and yamux, against which the
// libp2p of this project is tested, in both directions.
//
//	gopeer listen [-addr MULTIADDR] [-seed HEX]
//
// prints its multiaddress with /p2p/ID on one line, serves identify, ping and
// the protocols of serve.go, and ends when its standard input does.
//
//	gopeer dial [-seed HEX] [-checks LIST] [-pings N] [-streams M]
//	            [-kib K] [-idle D] [-timeout D] MULTIADDR
//
// connects, makes the checks of dial.go, prints one JSON object and exits 0
// if all of them passed, else 1.
//
//	gopeer bench stream|open|handshake|idle MULTIADDR NUMBER [PARALLEL]
//
// measures as tests/bench/p2p_load.c does; a line of standard input makes a
// listener print how much memory it uses.
package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"
)

// newHost makes a host with the key of the seed (a random one if it is "").
// Its limits are off: the other side's are what is tested.
func newHost(seed string, listen ...string) (host.Host, error) {
	opts := []libp2p.Option{
		libp2p.NoTransports,
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.UserAgent("gopeer"),
	}
	if len(listen) > 0 {
		opts = append(opts, libp2p.ListenAddrStrings(listen...))
	} else {
		opts = append(opts, libp2p.NoListenAddrs)
	}
	if seed != "" {
		raw, err := hex.DecodeString(seed)
		if err != nil || len(raw) != ed25519.SeedSize {
			return nil, fmt.Errorf("seed: 64 hex digits are needed")
		}
		key, err := crypto.UnmarshalEd25519PrivateKey(
			ed25519.NewKeyFromSeed(raw))
		if err != nil {
			return nil, err
		}
		opts = append(opts, libp2p.Identity(key))
	}
	return libp2p.New(opts...)
}

func listen(args []string) error {
	flags := flag.NewFlagSet("listen", flag.ExitOnError)
	addr := flags.String("addr", "/ip4/127.0.0.1/tcp/0", "where to listen")
	seed := flags.String("seed", "", "ed25519 seed in hex")
	flags.Parse(args)

	h, err := newHost(*seed, *addr)
	if err != nil {
		return err
	}
	defer h.Close()
	serve(h)
	addrs := h.Network().ListenAddresses()
	if len(addrs) == 0 {
		return fmt.Errorf("not listening on %s", *addr)
	}
	fmt.Printf("%s/p2p/%s\n", addrs[0], h.ID())
	return sayHeap()
}

func dial(args []string) (bool, error) {
	flags := flag.NewFlagSet("dial", flag.ExitOnError)
	seed := flags.String("seed", "", "ed25519 seed in hex")
	checks := flags.String("checks", strings.Join(checkNames(), ","),
		"which checks to make, in this order")
	o := options{}
	flags.IntVar(&o.pings, "pings", 10, "pings on one stream")
	flags.IntVar(&o.streams, "streams", 50, "streams at once")
	flags.IntVar(&o.kib, "kib", 4096, "KiB of echo and bulk transfer")
	flags.DurationVar(&o.idle, "idle", 0, "how long to be idle")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second,
		"for each check")
	flags.Parse(args)
	if flags.NArg() != 1 {
		return false, fmt.Errorf("one multiaddress is needed")
	}
	target, err := multiaddr.NewMultiaddr(flags.Arg(0))
	if err != nil {
		return false, err
	}
	h, err := newHost(*seed)
	if err != nil {
		return false, err
	}
	defer h.Close()
	report, err := runChecks(h, target, strings.Split(*checks, ","), o)
	if err != nil {
		return false, err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return report.OK, out.Encode(report)
}

func main() {
	ok := false
	err := fmt.Errorf("usage: gopeer listen|dial|bench [options] [MULTIADDR]")
	if len(os.Args) > 1 && os.Args[1] == "listen" {
		err = listen(os.Args[2:])
		ok = err == nil
	} else if len(os.Args) > 1 && os.Args[1] == "dial" {
		ok, err = dial(os.Args[2:])
	} else if len(os.Args) > 1 && os.Args[1] == "bench" {
		err = bench(os.Args[2:])
		ok = err == nil
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gopeer:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}
