// Command kube is a real Kubernetes control plane for tests, as small as it gets:
// etcd, kube-apiserver and kube-controller-manager in one executable, one of them
// in each process. scripts/kube-apiserver builds and starts it; nothing of it is
// part of the provider.
package main

import (
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const usage = `usage: kube etcd FOLDER CLIENT_URL PEER_URL
       kube apiserver FLAG...
       kube controller-manager FLAG...`

func main() {
	if len(os.Args) < 2 {
		fail(usage)
	}
	part, arguments := os.Args[1], os.Args[2:]
	go endWithParent()
	// The commands of Kubernetes read their flags from here.
	os.Args = append([]string{"kube-" + part}, arguments...)
	switch part {
	case "etcd":
		if err := runEtcd(arguments); err != nil {
			fail(err)
		}
	case "apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "controller-manager":
		os.Exit(cli.Run(manager.NewControllerManagerCommand()))
	default:
		fail(usage)
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

// runEtcd serves a store of its own in a folder until the process is told to end.
func runEtcd(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("%s", usage)
	}
	client, err := url.Parse(arguments[1])
	if err != nil {
		return err
	}
	peer, err := url.Parse(arguments[2])
	if err != nil {
		return err
	}
	config := embed.NewConfig()
	config.Dir = arguments[0]
	config.LogLevel = "warn"
	// The store lives as long as a test run: nothing is lost with it.
	config.UnsafeNoFsync = true
	config.ListenClientUrls = []url.URL{*client}
	config.AdvertiseClientUrls = []url.URL{*client}
	config.ListenPeerUrls = []url.URL{*peer}
	config.AdvertisePeerUrls = []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	store, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer store.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	select {
	case <-stop:
		return nil
	case err := <-store.Err():
		return err
	}
}

func fail(reason any) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}
