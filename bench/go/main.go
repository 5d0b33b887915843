// The same work as `bench work`, by net/http: prints one line of JSON that says what the calls cost.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	load        = flag.String("load", "", "the load, by its name")
	client      = flag.String("client", "", "go_hooks or go_none")
	port        = flag.Int("port", 0, "the server's")
	calls       = flag.Int("calls", 0, "calls that are measured, all goroutines together")
	threads     = flag.Int("threads", 1, "GOMAXPROCS")
	latencies   = flag.Bool("latencies", false, "look at how long each call takes")
	allocations = flag.Bool("allocations", false, "count allocations")
	concurrency = flag.Int("concurrency", 1, "calls in flight at a time")
	warmUp      = flag.Int("warm-up", 0, "calls of each goroutine before those that are measured")
	upload      = flag.Int64("upload", 0, "the size of what a request sends")
)

// measured is what bench reads.
type measured struct {
	Calls          int      `json:"calls"`
	CPU            float64  `json:"cpu_us"`
	UserCPU        float64  `json:"user_cpu_us"`
	Wall           float64  `json:"wall_us"`
	ResidentBefore uint64   `json:"resident_before"`
	ResidentAfter  uint64   `json:"resident_after"`
	ResidentPeak   uint64   `json:"resident_peak"`
	P50            *float64 `json:"p50_us"`
	P99            *float64 `json:"p99_us"`
	Allocations    *uint64  `json:"allocations"`
	AllocatedBytes *uint64  `json:"allocated_bytes"`
	LiveBytes      *int64   `json:"live_bytes"`
}

func main() {
	flag.Parse()
	runtime.GOMAXPROCS(*threads)
	openManyFiles()
	caller, err := newCaller()
	check(err)

	before := resident()
	if *warmUp > 0 && strings.HasPrefix(*load, "h2_") {
		// Alone, so that there is one connection when the others come.
		check(caller.call())
	}
	all(caller, *warmUp**concurrency, false)

	var memory, memoryAfter runtime.MemStats
	if *allocations {
		runtime.ReadMemStats(&memory)
	}
	user, system, began := cpu(), systemCPU(), time.Now()
	times := all(caller, *calls, *latencies)
	wall := time.Since(began)
	user, system = cpu()-user, systemCPU()-system
	if *allocations {
		runtime.ReadMemStats(&memoryAfter)
	}

	result := measured{
		Calls:          *calls,
		CPU:            micros(user + system),
		UserCPU:        micros(user),
		Wall:           micros(wall),
		ResidentBefore: before,
		ResidentAfter:  resident(),
		ResidentPeak:   uint64(usage().Maxrss) * 1024,
		P50:            percentile(times, 50),
		P99:            percentile(times, 99),
	}
	if *allocations {
		mallocs := memoryAfter.Mallocs - memory.Mallocs
		bytes := memoryAfter.TotalAlloc - memory.TotalAlloc
		result.Allocations, result.AllocatedBytes = &mallocs, &bytes
	}
	check(json.NewEncoder(os.Stdout).Encode(result))
}

// all makes so many calls, from all goroutines at once.
func all(caller *caller, calls int, latencies bool) []time.Duration {
	var group sync.WaitGroup
	times := make([][]time.Duration, *concurrency)
	for index := range *concurrency {
		share := calls / *concurrency
		if index < calls%*concurrency {
			share++
		}
		group.Add(1)
		go func() {
			defer group.Done()
			for range share {
				if !latencies {
					check(caller.call())
					continue
				}
				began := time.Now()
				check(caller.call())
				times[index] = append(times[index], time.Since(began))
			}
		}()
	}
	group.Wait()
	return slices.Concat(times...)
}

func percentile(times []time.Duration, percent int) *float64 {
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	at := micros(times[(len(times)-1)*percent/100])
	return &at
}

func openManyFiles() {
	var limit syscall.Rlimit
	check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	limit.Cur = limit.Max
	check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
}

func usage() syscall.Rusage {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage
}

func cpu() time.Duration {
	usage := usage()
	return time.Duration(usage.Utime.Nano())
}

func systemCPU() time.Duration {
	usage := usage()
	return time.Duration(usage.Stime.Nano())
}

func resident() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	for line := range strings.Lines(string(status)) {
		var kib uint64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib * 1024
		}
	}
	return 0
}

func micros(duration time.Duration) float64 {
	return float64(duration) / float64(time.Microsecond)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench, Go:", err)
		os.Exit(1)
	}
}
