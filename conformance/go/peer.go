package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// peer is one scripted server: it follows, for each connection in the order of their acceptance, one script.
type peer struct {
	name         string
	port         string
	spec         peerSpec
	certificates map[string]*tls.Config
	recorder     *recorder
	signals      *signals

	mu       sync.Mutex
	accepted int
	closers  []io.Closer
}

// listen takes one port on all of the peer's addresses, as each of them is to behave.
func (p *peer) listen() error {
	at := p.spec.At
	if at == nil {
		at = map[string]string{"127.0.0.1": "serve"}
	}
	var addrs []string
	for addr := range at {
		addrs = append(addrs, addr)
	}
	sort.Strings(addrs)
	for try := 0; ; try++ {
		p.port = "0"
		err := p.listenAt(addrs, at)
		if err == nil || try == 20 {
			return err
		}
		p.shut() // the port was taken on a later address: start over with another
	}
}

func (p *peer) listenAt(addrs []string, at map[string]string) error {
	for _, addr := range addrs {
		ip, port := strings.Trim(addr, "[]"), must(strconv.Atoi(p.port))
		switch at[addr] {
		case "serve":
			listener, err := net.Listen("tcp", net.JoinHostPort(ip, p.port))
			if err != nil {
				return err
			}
			p.own(listener)
			p.port = strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
			go p.accept(listener)
		case "refuse", "stall":
			socket, bound, err := reserve(net.ParseIP(ip), port, at[addr] == "stall")
			if err != nil {
				return err
			}
			p.own(socket)
			p.port = strconv.Itoa(bound)
		default:
			return fmt.Errorf("peer %s: %q at %s", p.name, at[addr], addr)
		}
	}
	return nil
}

func (p *peer) own(c io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closers = append(p.closers, c)
}

func (p *peer) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.closers {
		c.Close()
	}
	p.closers = nil
}

func (p *peer) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p.own(conn)
		p.mu.Lock()
		p.accepted++
		number := p.accepted
		p.mu.Unlock()
		name := conn.RemoteAddr().String()
		p.recorder.accept(p.name, name)
		if number > len(p.spec.Connections) {
			p.recorder.add(name, "wire", "unscripted_connection")
			conn.Close()
			continue
		}
		c := &connection{peer: p, name: name, tcp: conn.(*net.TCPConn), conn: conn, reader: bufio.NewReader(conn)}
		go c.play(p.spec.Connections[number-1])
	}
}

// connection is one accepted connection and where its script stands.
type connection struct {
	*peer
	name   string // the client's address, under which the recorder knows it
	tcp    *net.TCPConn
	conn   net.Conn // the TLS session once the script has made one
	reader *bufio.Reader
	head   head // of the request read last
	h2     *session
	closed bool
}

func (c *connection) play(script []op) {
	if !c.run(script) || c.closed || c.h2 != nil {
		return
	}
	io.Copy(io.Discard, c.conn) // after its script, a connection stays open and answers nothing
}

// run tells whether the script came to its end.
func (c *connection) run(script []op) bool {
	for _, o := range script {
		if !c.step(o) {
			return false
		}
	}
	return true
}

func (c *connection) step(o op) bool {
	switch o.name {
	case "request":
		return c.readHead() && c.readBody()
	case "head":
		return c.readHead()
	case "body":
		return c.readBody()
	case "bytes":
		_, err := io.CopyN(io.Discard, c.reader, int64(o.number()))
		return c.still("bytes", err)
	case "eof":
		if c.h2 != nil {
			c.h2.await(func() bool { return false })
		}
		_, err := io.Copy(io.Discard, c.reader)
		_ = err // a reset is as good a close as any
		c.recorder.add(c.name, "wire", "client_closed")
		return true
	case "send":
		send := decodeSend(o)
		send.Text = c.filled(send.Text)
		_, err := c.conn.Write(send.written())
		return err == nil
	case "tls":
		return c.startTLS(o)
	case "times":
		times := decode[struct {
			Count int  `json:"count"`
			Do    []op `json:"do"`
		}](o)
		for range times.Count {
			if !c.run(times.Do) {
				return false
			}
		}
		return true
	case "wait":
		return c.signals.wait(o.text())
	case "set":
		c.signals.set(o.text())
		return true
	case "delay_ms":
		time.Sleep(time.Duration(o.number()) * time.Millisecond)
		return true
	}
	return c.asHTTP2(o)
}

// tlsSpec is a certificate, and the protocols that the peer speaks, if it says so.
type tlsSpec struct {
	Certificate string   `json:"certificate"`
	ALPN        []string `json:"alpn"`
}

func (c *connection) startTLS(o op) bool {
	spec := tlsSpec{}
	if strict(o.arg, &spec.Certificate) != nil {
		spec = decode[tlsSpec](o)
	}
	settings := c.certificates[spec.Certificate]
	if spec.ALPN != nil {
		settings = settings.Clone()
		settings.NextProtos = spec.ALPN
	}
	session := tls.Server(c.conn, settings)
	if err := session.Handshake(); err != nil {
		c.recorder.add(c.name, "wire", "handshake_failed")
		c.tcp.Close()
		return false
	}
	c.conn, c.reader = session, bufio.NewReader(session)
	return true
}

func (c *connection) end(o op) bool {
	switch o.name {
	case "half_close":
		if session, ok := c.conn.(*tls.Conn); ok {
			session.CloseWrite()
		}
		c.tcp.CloseWrite()
		return true
	case "close":
		c.conn.Close()
	case "cut": // under a TLS session, without its farewell
		c.tcp.Close()
	case "reset":
		c.tcp.SetLinger(0)
		c.tcp.Close()
	default:
		panic("unknown operation of a peer: " + o.name)
	}
	c.closed = true
	return true
}

// filled puts ports in the place of `${peer}`.
func (c *connection) filled(text string) string { return c.recorder.filled(text) }

// still notes a client that went away while the script wanted more of it.
func (c *connection) still(during string, err error) bool {
	if err != nil {
		c.recorder.add(c.name, "wire", "client_closed", field{"during", during})
	}
	return err == nil
}
