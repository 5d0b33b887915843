package main

import (
	"errors"
	"sort"
)

// huffmanLengths has, for each byte, how many bits its code has (RFC 7541, appendix B). That says all: the code is
// canonical, so that codes of one length follow one another in the order of their bytes.
var huffmanLengths = [256]int{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
}

// huffmanNode is a node of the tree of codes; a leaf has a byte and no branches.
type huffmanNode struct {
	branches [2]*huffmanNode
	value    byte
}

var huffmanTree = plantHuffman()

func plantHuffman() *huffmanNode {
	values := make([]int, len(huffmanLengths))
	for value := range values {
		values[value] = value
	}
	sort.SliceStable(values, func(i, j int) bool { return huffmanLengths[values[i]] < huffmanLengths[values[j]] })
	root, code, length := &huffmanNode{}, 0, 0
	for _, value := range values {
		code <<= huffmanLengths[value] - length
		length = huffmanLengths[value]
		node := root
		for bit := length - 1; bit >= 0; bit-- {
			branch := &node.branches[code>>bit&1]
			if *branch == nil {
				*branch = &huffmanNode{}
			}
			node = *branch
		}
		node.value = byte(value)
		code++
	}
	return root
}

var errHuffman = errors.New("not in Huffman's code")

// unhuffman decodes a string literal. What is left of the last byte is padding, of ones.
func unhuffman(data []byte) (string, error) {
	var text []byte
	node := huffmanTree
	for _, octet := range data {
		for bit := 7; bit >= 0; bit-- {
			if node = node.branches[octet>>bit&1]; node == nil {
				return "", errHuffman
			}
			if node.branches[0] == nil && node.branches[1] == nil {
				text = append(text, node.value)
				node = huffmanTree
			}
		}
	}
	return string(text), nil
}
