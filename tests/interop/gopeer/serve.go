// SPDX-License-Identifier: ISC

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
)

const (
	// Everything comes back; FIN is answered by FIN.
	echoProtocol = "/echo/1.0.0"
	// Everything is read; at FIN the count comes back, 8 bytes big-endian.
	discardProtocol = "/discard/1.0.0"
	// The dialer sends a count, 8 bytes big-endian, and gets that many
	// bytes: 0, 1, ... 250, 0, ...
	sourceProtocol = "/source/1.0.0"
	// At FIN, what is known about the dialer comes, each of its addresses
	// and protocols on a line.
	knownProtocol = "/known/1.0.0"
)

const patternPeriod = 251

// pattern yields the bytes of sourceProtocol without end.
type pattern struct{ next byte }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = p.next
		p.next = (p.next + 1) % patternPeriod
	}
	return len(b), nil
}

func serve(h host.Host) {
	h.SetStreamHandler(echoProtocol, finish(func(s network.Stream) error {
		_, err := io.Copy(s, s)
		return err
	}))
	h.SetStreamHandler(discardProtocol, finish(func(s network.Stream) error {
		n, err := io.Copy(io.Discard, s)
		if err != nil {
			return err
		}
		return binary.Write(s, binary.BigEndian, uint64(n))
	}))
	h.SetStreamHandler(sourceProtocol, finish(func(s network.Stream) error {
		var n uint64
		if err := binary.Read(s, binary.BigEndian, &n); err != nil {
			return err
		}
		_, err := io.CopyN(s, &pattern{}, int64(n))
		return err
	}))
	h.SetStreamHandler(knownProtocol, finish(func(s network.Stream) error {
		if _, err := io.Copy(io.Discard, s); err != nil {
			return err
		}
		var text strings.Builder
		id := s.Conn().RemotePeer()
		for _, addr := range h.Peerstore().Addrs(id) {
			fmt.Fprintln(&text, addr)
		}
		protocols, err := h.Peerstore().GetProtocols(id)
		if err != nil {
			return err
		}
		for _, protocol := range protocols {
			fmt.Fprintln(&text, protocol)
		}
		_, err = io.WriteString(s, text.String())
		return err
	}))
}

// finish ends the stream after its handler: closed if it went well.
func finish(f func(network.Stream) error) network.StreamHandler {
	return func(s network.Stream) {
		if f(s) != nil {
			s.Reset()
		} else {
			s.Close()
		}
	}
}
