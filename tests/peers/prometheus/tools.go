//go:build tools

// Package peers pins the Prometheus that the tests run. Its own go.mod has replace directives, which
// `go install package@version` refuses, so that a module of our own requires it.
package peers

import (
	_ "github.com/prometheus/prometheus/cmd/prometheus"
	_ "github.com/prometheus/prometheus/cmd/promtool"
)
