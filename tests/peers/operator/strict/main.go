// Command strict reads Kubernetes resources from standard input into the types that Kubernetes and the
// Prometheus operator publish, so that a key that they don't know, or one of the wrong type, is a fault.
// It writes one line for each: its kind and its name.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// The kinds that there are examples of.
var kinds = map[string]func() meta.Object{
	"apps/v1 DaemonSet":                       func() meta.Object { return &apps.DaemonSet{} },
	"apps/v1 Deployment":                      func() meta.Object { return &apps.Deployment{} },
	"monitoring.coreos.com/v1 PodMonitor":     func() meta.Object { return &monitoring.PodMonitor{} },
	"monitoring.coreos.com/v1 PrometheusRule": func() meta.Object { return &monitoring.PrometheusRule{} },
	"monitoring.coreos.com/v1 ServiceMonitor": func() meta.Object { return &monitoring.ServiceMonitor{} },
	"v1 ConfigMap":                            func() meta.Object { return &core.ConfigMap{} },
	"v1 Service":                              func() meta.Object { return &core.Service{} },
	"v1 ServiceAccount":                       func() meta.Object { return &core.ServiceAccount{} },
}

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
		if err := one(document); err != nil {
			return fmt.Errorf("document %d: %w", number+1, err)
		}
	}
	return nil
}

func one(document []byte) error {
	var is meta.TypeMeta
	if err := yaml.Unmarshal(document, &is); err != nil {
		return err
	}
	kind := is.APIVersion + " " + is.Kind
	make, known := kinds[kind]
	if !known {
		return fmt.Errorf("is %s, which nobody here knows", kind)
	}
	resource := make()
	// As the API server reads it: a key that is written in another case is another key.
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(text, resource)
	if err = errors.Join(append(unknown, err)...); err != nil {
		return err
	}
	if resource.GetName() == "" {
		return fmt.Errorf("%s has no name", kind)
	}
	if rule, is := resource.(*monitoring.PrometheusRule); is && len(rule.Spec.Groups) == 0 {
		return fmt.Errorf("has no group")
	}
	fmt.Println(is.Kind, resource.GetName())
	return nil
}
