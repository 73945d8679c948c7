// Command decode measures Prometheus' parser of exposition text on one body: megabytes a second
// with the labels of each series, then without.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

const atLeast = 500 * time.Millisecond

func main() {
	body, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, withLabels := range []bool{true, false} {
		bytes, began := 0, time.Now()
		for time.Since(began) < atLeast {
			if err := parse(body, withLabels); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			bytes += len(body)
		}
		fmt.Printf("%.1f\n", float64(bytes)/1e6/time.Since(began).Seconds())
	}
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
