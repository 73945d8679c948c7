// Command strict reads PrometheusRule documents from standard input into the operator's own type, so
// that a key that the operator doesn't know, or one of the wrong type, is a fault.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	v1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(from io.Reader) error {
	text, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	for number, document := range bytes.Split(text, []byte("\n---\n")) {
		var rule v1.PrometheusRule
		if err := yaml.UnmarshalStrict(document, &rule); err != nil {
			return fmt.Errorf("document %d: %w", number+1, err)
		}
		if rule.APIVersion != "monitoring.coreos.com/v1" || rule.Kind != v1.PrometheusRuleKind {
			return fmt.Errorf("document %d: is %s %s", number+1, rule.APIVersion, rule.Kind)
		}
		if rule.Name == "" || len(rule.Spec.Groups) == 0 {
			return fmt.Errorf("document %d: has no name or no group", number+1)
		}
	}
	return nil
}
