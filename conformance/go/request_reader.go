package main

import (
	"io"
	"strconv"
	"strings"
)

// head is the part of a request head that decides how its body is framed.
type head struct {
	length  int64
	chunked bool
}

// readHead reads a request head and records it as it came over the wire.
func (c *connection) readHead() bool {
	line, err := c.line()
	if err != nil {
		return c.still("head", err)
	}
	headers, ok := c.fields()
	if !ok {
		return false
	}
	c.head = head{}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-length":
			c.head.length, _ = strconv.ParseInt(value, 10, 64)
		case "transfer-encoding":
			c.head.chunked = strings.EqualFold(value, "chunked")
		}
	}
	c.recorder.add(c.name, "wire", "request_head", field{"line", line}, field{"headers", headers})
	return true
}

// readBody reads what the last head announced; a request without a body records nothing.
func (c *connection) readBody() bool {
	var body []byte
	trailers := []string{}
	switch {
	case c.head.chunked:
		for {
			size, err := c.line()
			if err != nil {
				return c.still("body", err)
			}
			length, _ := strconv.ParseInt(size, 16, 64)
			if length == 0 {
				break
			}
			chunk := make([]byte, length)
			if _, err := io.ReadFull(c.reader, chunk); err != nil {
				return c.still("body", err)
			}
			body = append(body, chunk...)
			if _, err := c.line(); err != nil {
				return c.still("body", err)
			}
		}
		read, ok := c.fields()
		if !ok {
			return false
		}
		trailers = read
	case c.head.length > 0:
		body = make([]byte, c.head.length)
		if _, err := io.ReadFull(c.reader, body); err != nil {
			return c.still("body", err)
		}
	default:
		return true
	}
	c.recorder.add(c.name, "wire", "request_body", append(content(body), field{"trailers", trailers})...)
	return true
}

func (c *connection) fields() ([]string, bool) {
	fields := []string{}
	for {
		line, err := c.line()
		if err != nil {
			return nil, c.still("head", err)
		}
		if line == "" {
			return fields, true
		}
		fields = append(fields, line)
	}
}

func (c *connection) line() (string, error) {
	line, err := c.reader.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// content describes a body: its length, and itself when it is short.
func content(body []byte) []field {
	if len(body) > 64 {
		return []field{{"bytes", len(body)}}
	}
	return []field{{"bytes", len(body)}, {"body", string(body)}}
}
