package main

import (
	"fmt"
	"io"
	"net/http"
)

// upgraded speaks, after a 101, whatever the script says over what was an HTTP connection. It tells whether the last
// operation was to read to the end.
func (c *call) upgraded(response *http.Response, script []op, body *[]byte) (toTheEnd bool, err error) {
	connection, writable := response.Body.(io.ReadWriteCloser)
	if !writable {
		return false, fmt.Errorf("not upgraded")
	}
	for _, o := range script {
		toTheEnd = false
		switch o.name {
		case "send":
			_, err = connection.Write(decodeSend(o).written())
		case "read":
			if o.arg == nil {
				toTheEnd = true
			}
			err = readPart(connection, o, body)
		case "wait":
			c.signals.wait(o.text())
		case "set":
			c.signals.set(o.text())
		case "close":
			err = connection.Close()
		default:
			panic("unknown operation after an upgrade: " + o.name)
		}
		if err != nil {
			return toTheEnd, err
		}
	}
	return toTheEnd, nil
}

// readPart reads so many bytes, or to the end.
func readPart(from io.Reader, o op, body *[]byte) error {
	if o.arg == nil {
		part, err := io.ReadAll(from)
		*body = append(*body, part...)
		return err
	}
	part := make([]byte, o.number())
	n, err := io.ReadFull(from, part)
	*body = append(*body, part[:n]...)
	return err
}
