package main

import (
	"errors"
	"fmt"
)

// pair is a header field.
type pair struct{ name, value string }

// encodeFields writes a header block without a table and without Huffman's code (RFC 7541, section 6.2.2): what a script
// says is what goes over the wire, however wrong it is.
func encodeFields(fields [][2]string) []byte {
	var block []byte
	for _, field := range fields {
		block = append(block, 0)
		for _, text := range field {
			block = appendInteger(block, 0, 7, len(text))
			block = append(block, text...)
		}
	}
	return block
}

// appendInteger writes a number whose first bits share a byte with `flags` (RFC 7541, section 5.1).
func appendInteger(out []byte, flags byte, prefix int, number int) []byte {
	limit := 1<<prefix - 1
	if number < limit {
		return append(out, flags|byte(number))
	}
	out = append(out, flags|byte(limit))
	for number -= limit; number >= 128; number /= 128 {
		out = append(out, byte(number%128)|128)
	}
	return append(out, byte(number))
}

// decoder reads header blocks, and keeps the table that they build.
type decoder struct {
	rest  []byte
	table []pair // the newest first
	size  int    // of the table, as RFC 7541, section 4.1, counts it
	limit int
}

func newDecoder() *decoder { return &decoder{limit: 4096} }

var errBlock = errors.New("not a header block")

// fields decodes one block.
func (d *decoder) fields(block []byte) ([]pair, error) {
	d.rest = block
	var fields []pair
	for len(d.rest) > 0 {
		first := d.rest[0]
		switch {
		case first&0x80 != 0:
			field, err := d.indexed(7)
			if err != nil {
				return nil, err
			}
			fields = append(fields, field)
		case first&0xe0 == 0x20:
			limit, err := d.integer(5)
			if err != nil {
				return nil, err
			}
			d.limit = limit
			d.evict()
		default:
			prefix := 4
			if first&0x40 != 0 {
				prefix = 6
			}
			field, err := d.literal(prefix)
			if err != nil {
				return nil, err
			}
			fields = append(fields, field)
			if prefix == 6 {
				d.table = append([]pair{field}, d.table...)
				d.size += sizeOf(field)
				d.evict()
			}
		}
	}
	return fields, nil
}

// literal reads a field whose value, and perhaps whose name, is spelt out.
func (d *decoder) literal(prefix int) (field pair, err error) {
	if d.rest[0]&(1<<prefix-1) != 0 {
		field, err = d.indexed(prefix)
	} else {
		d.rest = d.rest[1:]
		field.name, err = d.text()
	}
	if err != nil {
		return field, err
	}
	field.value, err = d.text()
	return field, err
}

// indexed reads the place of a field in the tables, and returns what is there.
func (d *decoder) indexed(prefix int) (pair, error) {
	index, err := d.integer(prefix)
	switch {
	case err != nil:
		return pair{}, err
	case index >= 1 && index <= len(staticTable):
		return staticTable[index-1], nil
	case index > len(staticTable) && index <= len(staticTable)+len(d.table):
		return d.table[index-len(staticTable)-1], nil
	}
	return pair{}, fmt.Errorf("%w: no field has index %d", errBlock, index)
}

func (d *decoder) integer(prefix int) (int, error) {
	limit := 1<<prefix - 1
	number := int(d.rest[0]) & limit
	d.rest = d.rest[1:]
	if number < limit {
		return number, nil
	}
	for shift := 0; shift < 28; shift += 7 {
		if len(d.rest) == 0 {
			break
		}
		octet := d.rest[0]
		d.rest = d.rest[1:]
		number += int(octet&127) << shift
		if octet < 128 {
			return number, nil
		}
	}
	return 0, fmt.Errorf("%w: a number that does not end", errBlock)
}

func (d *decoder) text() (string, error) {
	if len(d.rest) == 0 {
		return "", fmt.Errorf("%w: a string is missing", errBlock)
	}
	coded := d.rest[0]&0x80 != 0
	length, err := d.integer(7)
	if err != nil || length > len(d.rest) {
		return "", fmt.Errorf("%w: a string that does not end", errBlock)
	}
	data := d.rest[:length]
	d.rest = d.rest[length:]
	if coded {
		return unhuffman(data)
	}
	return string(data), nil
}

func (d *decoder) evict() {
	for d.size > d.limit {
		last := len(d.table) - 1
		d.size -= sizeOf(d.table[last])
		d.table = d.table[:last]
	}
}

func sizeOf(field pair) int { return len(field.name) + len(field.value) + 32 }

// staticTable is RFC 7541, appendix A.
var staticTable = []pair{
	{":authority", ""}, {":method", "GET"}, {":method", "POST"}, {":path", "/"}, {":path", "/index.html"},
	{":scheme", "http"}, {":scheme", "https"}, {":status", "200"}, {":status", "204"}, {":status", "206"},
	{":status", "304"}, {":status", "400"}, {":status", "404"}, {":status", "500"}, {"accept-charset", ""},
	{"accept-encoding", "gzip, deflate"}, {"accept-language", ""}, {"accept-ranges", ""}, {"accept", ""},
	{"access-control-allow-origin", ""}, {"age", ""}, {"allow", ""}, {"authorization", ""}, {"cache-control", ""},
	{"content-disposition", ""}, {"content-encoding", ""}, {"content-language", ""}, {"content-length", ""},
	{"content-location", ""}, {"content-range", ""}, {"content-type", ""}, {"cookie", ""}, {"date", ""}, {"etag", ""},
	{"expect", ""}, {"expires", ""}, {"from", ""}, {"host", ""}, {"if-match", ""}, {"if-modified-since", ""},
	{"if-none-match", ""}, {"if-range", ""}, {"if-unmodified-since", ""}, {"last-modified", ""}, {"link", ""},
	{"location", ""}, {"max-forwards", ""}, {"proxy-authenticate", ""}, {"proxy-authorization", ""}, {"range", ""},
	{"referer", ""}, {"refresh", ""}, {"retry-after", ""}, {"server", ""}, {"set-cookie", ""},
	{"strict-transport-security", ""}, {"transfer-encoding", ""}, {"user-agent", ""}, {"vary", ""}, {"via", ""},
	{"www-authenticate", ""},
}
