// Command kube is a real Kubernetes control plane for tests, as small as it gets:
// etcd, kube-apiserver and kube-controller-manager in one executable, one of them
// in each process, with the flags that they have in life. scripts/kube-apiserver
// builds and starts it; nothing of it is part of the provider.
package main

import (
	"fmt"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const usage = "usage: kube etcd|kube-apiserver|kube-controller-manager FLAG..."

func main() {
	if len(os.Args) < 2 {
		fail()
	}
	go endWithParent()
	// Each of them reads its name and its flags from here.
	os.Args = os.Args[1:]
	switch os.Args[0] {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(manager.NewControllerManagerCommand()))
	default:
		fail()
	}
}

// endWithParent ends the process when whoever started it is gone: a test run that
// was killed leaves nothing behind.
func endWithParent() {
	parent := os.Getppid()
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	os.Exit(1)
}

func fail() {
	fmt.Fprintln(os.Stderr, usage)
	os.Exit(2)
}
