package main

import (
	"fmt"
	"sync"
	"time"
)

// signals are named latches: once set, a signal stays set.
type signals struct {
	mu    sync.Mutex
	named map[string]chan struct{}
	over  chan struct{} // closed when the scenario is torn down
}

func newSignals() *signals {
	return &signals{named: map[string]chan struct{}{}, over: make(chan struct{})}
}

func (s *signals) channel(name string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named[name] == nil {
		s.named[name] = make(chan struct{})
	}
	return s.named[name]
}

func (s *signals) set(name string) {
	c := s.channel(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-c:
	default:
		close(c)
	}
}

// wait tells whether the signal came before the scenario was over.
func (s *signals) wait(name string) bool {
	select {
	case <-s.channel(name):
		return true
	case <-s.over:
		return false
	}
}

func (s *signals) waitFor(name string, timeout time.Duration) error {
	select {
	case <-s.channel(name):
		return nil
	case <-time.After(timeout):
		return fmt.Errorf("signal %q was never set", name)
	}
}
