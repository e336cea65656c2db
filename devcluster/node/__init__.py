"""A node with real pods on this machine: containerd, kubelet, kube-proxy and CoreDNS in namespaces of their own."""
