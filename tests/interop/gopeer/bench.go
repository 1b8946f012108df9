// SPDX-License-Identifier: ISC

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"
)

// bench has the commands of tests/bench/p2p_load.c that dial.
func bench(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("bench stream|open|handshake|idle " +
			"MULTIADDR NUMBER [PARALLEL]")
	}
	target, err := multiaddr.NewMultiaddr(args[1])
	if err != nil {
		return err
	}
	info, err := peer.AddrInfoFromP2pAddr(target)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	parallel := 1
	if len(args) > 3 {
		if parallel, err = strconv.Atoi(args[3]); err != nil {
			return err
		}
	}
	switch args[0] {
	case "stream":
		return benchStream(info, int64(n)<<20)
	case "open":
		return benchRate(n, parallel, opener(info))
	case "handshake":
		dial, err := rawDialer(info)
		if err != nil {
			return err
		}
		return benchRate(n, parallel, func() error {
			c, err := dial()
			if err != nil {
				return err
			}
			return c.Close()
		})
	case "idle":
		return benchIdle(info, n)
	}
	return errors.New("no such bench")
}

func connected(info *peer.AddrInfo) host.Host {
	h, err := newHost("")
	if err == nil {
		err = h.Connect(context.Background(), *info)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gopeer:", err)
		os.Exit(2)
	}
	return h
}

func benchStream(info *peer.AddrInfo, size int64) error {
	h := connected(info)
	defer h.Close()
	start := time.Now()
	s, err := h.NewStream(context.Background(), info.ID, discardProtocol)
	if err != nil {
		return err
	}
	buf := make([]byte, 128*1024)
	for left := size; left > 0; {
		n, err := s.Write(buf[:min(left, int64(len(buf)))])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	var got uint64
	if err := binary.Read(s, binary.BigEndian, &got); err != nil {
		return err
	}
	if got != uint64(size) {
		return fmt.Errorf("%d of %d bytes arrived", got, size)
	}
	fmt.Printf("%.1f\n", float64(size)/1e6/time.Since(start).Seconds())
	return nil
}

// opener returns what opens a stream, negotiates, pings once and closes.
func opener(info *peer.AddrInfo) func() error {
	h := connected(info)
	return func() error {
		s, err := h.NewStream(context.Background(), info.ID, ping.ID)
		if err != nil {
			return err
		}
		var buf [ping.PingSize]byte
		if _, err := s.Write(buf[:]); err != nil {
			return err
		}
		if _, err := io.ReadFull(s, buf[:]); err != nil {
			return err
		}
		return s.Close()
	}
}

// rawDialer returns what makes one connection, without a host and therefore
// without identify on this side, and waits for the first frame within it: the
// listener's own stream.
func rawDialer(info *peer.AddrInfo) (
	func() (transport.CapableConn, error), error) {
	key, _, err := crypto.GenerateEd25519Key(nil)
	if err != nil {
		return nil, err
	}
	muxers := []upgrader.StreamMuxer{
		{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	secure, err := libp2ptls.New(libp2ptls.ID, key, muxers)
	if err != nil {
		return nil, err
	}
	up, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil,
		&network.NullResourceManager{}, nil)
	if err != nil {
		return nil, err
	}
	t, err := tcp.NewTCPTransport(up, &network.NullResourceManager{}, nil)
	if err != nil {
		return nil, err
	}
	return func() (transport.CapableConn, error) {
		c, err := t.Dial(context.Background(), info.Addrs[0], info.ID)
		if err != nil {
			return nil, err
		}
		if _, err := c.AcceptStream(); err != nil {
			return nil, err
		}
		return c, nil
	}, nil
}

func benchRate(seconds, parallel int, once func() error) error {
	var g errgroup.Group
	var done atomic.Int64
	start := time.Now()
	until := start.Add(time.Duration(seconds) * time.Second)
	for i := 0; i < parallel; i++ {
		g.Go(func() error {
			for time.Now().Before(until) {
				if err := once(); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	fmt.Printf("%.1f\n",
		float64(done.Load())/time.Since(start).Seconds())
	return nil
}

func benchIdle(info *peer.AddrInfo, count int) error {
	dial, err := rawDialer(info)
	if err != nil {
		return err
	}
	for i := 0; i < count; i++ {
		if _, err := dial(); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// sayHeap prints, for each line of standard input, how much memory is in use
// after a collection, stacks included.
func sayHeap() error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		fmt.Println(m.HeapAlloc + m.StackInuse)
	}
	return lines.Err()
}
