package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// How long /late waits before it reads, and /slow before it answers.
const delay = 300 * time.Millisecond

// What is served.
func pages(files string) http.Handler {
	mux := http.NewServeMux()
	for _, name := range []string{"small", "medium", "large"} {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join(files, name))
		})
	}
	mux.HandleFunc("/crowd/{number}", crowd)
	mux.HandleFunc("/upload", upload)
	mux.HandleFunc("/late", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		upload(w, r)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		fmt.Fprintln(w, "late")
	})
	mux.HandleFunc("/empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "too much", http.StatusRequestEntityTooLarge)
	})
	mux.HandleFunc("/hints", hints)
	mux.HandleFunc("/trailers", trailers)
	mux.HandleFunc("/fields", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Received", strconv.Itoa(len(r.Header.Get("X-Large"))))
		// More than a frame holds.
		w.Header().Set("X-Large", strings.Repeat("0123456789abcdef", 2500))
		fmt.Fprintln(w, "large")
	})
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/abort-body", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "some of it\n")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/close", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		fmt.Fprintln(w, "the last one")
	})
	return mux
}

// Says which request it answers, in a field, in the body, and in how long the body is.
func crowd(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	sent, _ := io.Copy(io.Discard, r.Body)
	w.Header().Set("X-Number", r.Header.Get("X-Number"))
	w.Header().Set("X-Received", strconv.FormatInt(sent, 10))
	line := fmt.Sprintf("%d\n", number)
	io.WriteString(w, strings.Repeat(line, 100+37*number))
}

func upload(w http.ResponseWriter, r *http.Request) {
	received, _ := io.Copy(io.Discard, r.Body)
	if digest := r.Trailer.Get("X-Digest"); digest != "" {
		w.Header().Set("X-Digest", digest)
	}
	fmt.Fprintf(w, "%d bytes\n", received)
}

func hints(w http.ResponseWriter, r *http.Request) {
	for _, link := range []string{"</a.css>", "</b.js>"} {
		w.Header().Set("Link", link+"; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
	}
	w.Header().Del("Link")
	fmt.Fprintln(w, "hinted")
}

func trailers(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Checksum")
	io.WriteString(w, "some of it\n")
	w.(http.Flusher).Flush()
	io.WriteString(w, "and the rest\n")
	w.Header().Set("X-Checksum", "of all")
}
