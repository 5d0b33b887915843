package main

import (
	"net"
	"os"
	"syscall"
)

// sockets is a reserved port: whoever owns it closes all of it at once.
type sockets []int

func (s sockets) Close() error {
	for _, fd := range s {
		syscall.Close(fd)
	}
	return nil
}

// reserve takes a port without serving it. A bound socket that does not listen refuses connections. One that
// listens with a backlog of nothing, filled by ourselves, leaves a SYN unanswered (Linux).
func reserve(ip net.IP, port int, stall bool) (sockets, int, error) {
	family, addr := address(ip, port)
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, 0, os.NewSyscallError("socket", err)
	}
	taken := sockets{fd}
	if err := syscall.Bind(fd, addr); err != nil {
		taken.Close()
		return nil, 0, os.NewSyscallError("bind", err)
	}
	bound := must(syscall.Getsockname(fd))
	switch b := bound.(type) {
	case *syscall.SockaddrInet4:
		port = b.Port
	case *syscall.SockaddrInet6:
		port = b.Port
	}
	if !stall {
		return taken, port, nil
	}
	if err := syscall.Listen(fd, 0); err != nil {
		taken.Close()
		return nil, 0, os.NewSyscallError("listen", err)
	}
	for range 3 {
		filler := must(syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0))
		taken = append(taken, filler)
		syscall.Connect(filler, bound) // "in progress" is what is wanted
	}
	return taken, port, nil
}

func address(ip net.IP, port int) (int, syscall.Sockaddr) {
	if v4 := ip.To4(); v4 != nil {
		return syscall.AF_INET, &syscall.SockaddrInet4{Port: port, Addr: [4]byte(v4)}
	}
	return syscall.AF_INET6, &syscall.SockaddrInet6{Port: port, Addr: [16]byte(ip.To16())}
}
