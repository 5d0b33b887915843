package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// proxyOf is the transport's proxy: one for all requests, or what the environment says. Go reads the environment once in
// the life of a process, so that a scenario with one is played in a process of its own.
func (w *world) proxyOf(spec clientSpec) (func(*http.Request) (*url.URL, error), error) {
	if spec.ProxyEnv != nil {
		for name, value := range spec.ProxyEnv {
			os.Setenv(strings.ToUpper(name), w.recorder.filled(value))
		}
		return http.ProxyFromEnvironment, nil
	}
	if spec.Proxy == "" {
		return nil, nil
	}
	proxy, err := url.Parse(w.recorder.filled(spec.Proxy))
	return http.ProxyURL(proxy), err
}

// asProxy does what only a peer that is a proxy does.
func (c *connection) asProxy(o op) bool {
	var err error
	switch o.name {
	case "tunnel":
		return c.tunnel(o.text())
	case "socks_greeting":
		err = c.socksGreeting()
	case "socks_login":
		err = c.socksLogin()
	case "socks_request":
		err = c.socksRequest()
	default:
		return c.end(o)
	}
	return c.still(o.name, err)
}

// tunnel connects to a peer and passes bytes on, both ways, until both directions have ended.
func (c *connection) tunnel(to string) bool {
	dialed, err := net.Dial("tcp", "127.0.0.1:"+c.recorder.filled("${"+to+"}"))
	if err != nil {
		panic(fmt.Sprintf("a tunnel to %s: %v", to, err))
	}
	c.own(dialed)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		io.Copy(c.conn, dialed)
		c.end(op{name: "half_close"})
	}()
	io.Copy(dialed, c.reader)
	dialed.(*net.TCPConn).CloseWrite()
	<-answered
	dialed.Close()
	return c.end(op{name: "close"})
}

// socksGreeting reads the methods that the client offers (RFC 1928, section 3).
func (c *connection) socksGreeting() error {
	methods, err := c.counted(1)
	if err != nil {
		return err
	}
	offered := []int{}
	for _, method := range methods {
		offered = append(offered, int(method))
	}
	c.recorder.add(c.name, "wire", "socks_greeting", field{"methods", offered})
	return nil
}

// socksLogin reads a name and a password (RFC 1929).
func (c *connection) socksLogin() error {
	name, err := c.counted(1)
	if err != nil {
		return err
	}
	password, err := c.counted(0)
	if err != nil {
		return err
	}
	c.recorder.add(c.name, "wire", "socks_login", field{"name", string(name)}, field{"password", string(password)})
	return nil
}

// socksRequest reads a command and its address (RFC 1928, section 4).
func (c *connection) socksRequest() error {
	head, err := c.exactly(4)
	if err != nil {
		return err
	}
	var host string
	switch head[3] {
	case 1, 4:
		address, err := c.exactly(map[byte]int{1: net.IPv4len, 4: net.IPv6len}[head[3]])
		if err != nil {
			return err
		}
		host = net.IP(address).String()
	case 3:
		name, err := c.counted(0)
		if err != nil {
			return err
		}
		host = string(name)
	}
	port, err := c.exactly(2)
	if err != nil {
		return err
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(port[0])<<8|int(port[1])))
	c.recorder.add(c.name, "wire", "socks_request", field{"command", int(head[1])},
		field{"kind", int(head[3])}, field{"address", address})
	return nil
}

// counted reads so many bytes, which say nothing, then a length of one byte, then as many bytes as it says.
func (c *connection) counted(before int) ([]byte, error) {
	head, err := c.exactly(before + 1)
	if err != nil {
		return nil, err
	}
	return c.exactly(int(head[before]))
}

func (c *connection) exactly(count int) ([]byte, error) {
	bytes := make([]byte, count)
	_, err := io.ReadFull(c.reader, bytes)
	return bytes, err
}
