// Command decode measures Prometheus' parser of exposition text on one body: megabytes for each second
// of processor time, with the labels of each series, then without.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

const atLeast = 200 * time.Millisecond

func main() {
	body, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, withLabels := range []bool{true, false} {
		bytes, began := 0, used()
		for used()-began < atLeast {
			if err := parse(body, withLabels); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			bytes += len(body)
		}
		fmt.Printf("%.1f\n", float64(bytes)/1e6/(used()-began).Seconds())
	}
}

// used returns the processor time of the whole process, the garbage collector's included.
func used() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func parse(body []byte, withLabels bool) error {
	parser := textparse.NewPromParser(body, labels.NewSymbolTable(), false)
	var set labels.Labels
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		parser.Series()
		if withLabels {
			parser.Labels(&set)
		}
	}
}
