"""The addresses from which Cloudflare connects to an origin, as it publishes them.

Pinned, because a list that is fetched could admit everybody on the day on which it is empty. `gx edge ranges` compares
it with what Cloudflare's API says today.
"""

CLOUDFLARE_RANGES = (
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "108.162.192.0/18",
    "131.0.72.0/22",
    "141.101.64.0/18",
    "162.158.0.0/15",
    "172.64.0.0/13",
    "173.245.48.0/20",
    "188.114.96.0/20",
    "190.93.240.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
)
"""IPv4 alone: the zone's records are A records, and the nodes listen on IPv4."""
