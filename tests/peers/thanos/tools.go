//go:build tools

// Package peers pins the Thanos that the tests run. Its own go.mod has replace directives, which
// `go install package@version` refuses, so that a module of our own requires it and repeats them.
package peers

import (
	_ "github.com/thanos-io/thanos/cmd/thanos"
)
