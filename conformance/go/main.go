// Command httptrace-conformance plays the scenarios with Go's own net/http and records what its hooks report.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

func main() {
	scenarios := flag.String("scenarios", "../scenarios", "directory of the scenarios")
	out := flag.String("out", "../recorded", "directory for the recordings")
	check := flag.Int("check", 1, "play each scenario this many times; fail if the recordings differ")
	show := flag.Bool("show", false, "print the recordings instead of writing them")
	alone := flag.Bool("alone", false, "print the recording of one scenario, played in this very process")
	flag.Parse()
	log.SetOutput(io.Discard) // net/http remarks on peers that misbehave, as ours do on purpose
	found, err := load(*scenarios, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if *alone {
		lines, err := play(found[0], true)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Stdout.Write(lines)
		return
	}
	failures := 0
	for at, recording := range record(found, *check) {
		s := found[at]
		lines, err := recording.lines, recording.err
		if err != nil {
			failures++
			fmt.Fprintf(os.Stderr, "FAILED %s: %v\n", s.name, err)
			continue
		}
		if *show {
			fmt.Printf("--- %s\n%s", s.name, lines)
			continue
		}
		if err := os.WriteFile(filepath.Join(*out, s.name+".ndjson"), lines, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %d recorded, %d failed\n", runtime.Version(), len(found)-failures, failures)
	if failures > 0 {
		os.Exit(1)
	}
}

// atOnce scenarios are played at the same time: they mostly wait.
const atOnce = 12

type recording struct {
	lines []byte
	err   error
}

// record plays the scenarios, and returns their recordings in the same order.
func record(found []*scenario, times int) []recording {
	recordings := make([]recording, len(found))
	free := make(chan struct{}, atOnce)
	var playing sync.WaitGroup
	for at, s := range found {
		free <- struct{}{}
		playing.Go(func() {
			defer func() { <-free }()
			recordings[at].lines, recordings[at].err = steady(s, times)
		})
	}
	playing.Wait()
	return recordings
}

// steady plays a scenario several times and insists that it is the same each time.
func steady(s *scenario, times int) ([]byte, error) {
	first, err := play(s, false)
	if err != nil {
		return nil, fmt.Errorf("%w; until then:\n%s", err, first)
	}
	for again := 2; again <= times; again++ {
		lines, err := play(s, false)
		if err != nil {
			return nil, fmt.Errorf("run %d: %w; until then:\n%s", again, err, lines)
		}
		if difference := compare(first, lines); difference != "" {
			return nil, fmt.Errorf("run %d is not like the first\n%s", again, difference)
		}
	}
	return first, nil
}
