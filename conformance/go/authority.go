package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// authority is a throw-away CA, made afresh for each run.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority() *authority {
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Conformance throw-away CA"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	return &authority{must(x509.ParseCertificate(der)), key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// server makes a peer's TLS settings with a certificate for those names and addresses.
func (a *authority) server(names []string, ips []net.IP) *tls.Config {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "Conformance peer"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     names,
		IPAddresses:  ips,
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	der := must(x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key))
	settings := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	// Without keys of its own each clone would make some, and know no session of another.
	var ticketKey [32]byte
	must(rand.Read(ticketKey[:]))
	settings.SetSessionTicketKeys([][32]byte{ticketKey})
	return settings
}

// certificates are the three kinds that the `tls` operation of a peer can ask for.
func certificates(trusted *authority, names []string) map[string]*tls.Config {
	loopback := []net.IP{net.IPv6loopback}
	for last := byte(1); last < 10; last++ {
		loopback = append(loopback, net.IPv4(127, 0, 0, last))
	}
	return map[string]*tls.Config{
		"good":       trusted.server(names, loopback),
		"wrong_name": trusted.server([]string{"somebody-else.test"}, nil),
		"untrusted":  newAuthority().server(names, loopback),
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
