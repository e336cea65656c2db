"""Certificates of the local control plane: one authority, one key pair per component, valid for a year."""

import ipaddress
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common.naming import Network
from devcluster.node.addresses import HOST_ADDRESS, NODE_NAME

DAYS = 365
CLIENTS = {
    "admin": ("gx-local", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kwok": ("kwok", "system:masters"),
    "etcd-client": ("kube-apiserver", ""),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
    "kubelet-client": ("kube-apiserver", "system:masters"),
    "kube-proxy": ("system:kube-proxy", ""),
    "kube-router": ("kube-router", "system:masters"),
    "coredns": ("coredns", "system:masters"),
}
"""Who each client certificate says it is: user and group."""

SERVERS = {
    "kube-apiserver": (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ),
    "etcd": (),
}
"""DNS names of each server certificate beside localhost."""

_SERVICE_ADDRESSES = ("127.0.0.1", "10.43.0.1", HOST_ADDRESS)


def create(folder: Path) -> None:
    """Write the authority, every certificate with its key, and the key pair that signs ServiceAccount tokens.

    The folder is there with everything in it, or not at all.
    """
    target, folder = folder, folder.with_name(f"{folder.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("gx-local", "", authority_key, authority_key)
    _write(folder, "ca", authority_key, authority)
    for name, (user, group) in CLIENTS.items():
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder, name, key, _certificate(user, group, key, authority_key, authority=authority))
    for name, hosts in SERVERS.items():
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder, name, key, _certificate(name, "", key, authority_key, authority=authority, hosts=hosts))
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _private(folder / "service-accounts.key", signing)
    public = signing.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "service-accounts.pub").write_bytes(public)
    folder.rename(target)


def web_certificate(folder: Path, network: Network) -> dict[str, str]:
    """Return a certificate for a network's public hosts, as the data of its Secret.

    The authority is one of its own, `web-ca.crt`: trusting it for the hosts does not trust it for the cluster.
    """
    folder.mkdir(mode=0o700, exist_ok=True)  # in Docker the cluster's own keys are elsewhere
    if not (folder / "web-ca.crt").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder, "web-ca", key, _certificate("gx-local hosts", "", key, key))
    authority = x509.load_pem_x509_certificate((folder / "web-ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / "web-ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    hosts = tuple(dict.fromkeys((network.wallet_host, network.api_host)))
    shown = _certificate(hosts[0], "", key, signer, authority=authority, hosts=hosts)
    return {"tls.crt": shown.public_bytes(serialization.Encoding.PEM).decode(), "tls.key": _pem(key).decode()}


def _certificate(
    user: str,
    group: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    authority: x509.Certificate | None = None,
    hosts: tuple[str, ...] | None = None,
) -> x509.Certificate:
    """Return a certificate: an authority's without `authority`, a server's with `hosts`, else a client's."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    now = datetime.now(UTC)
    subject = x509.Name(attributes)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
    )
    if authority is not None:
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts is not None else [])]
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    if authority is not None and hosts is not None:
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in ("localhost", *hosts)]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in _SERVICE_ADDRESSES]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _private(folder / f"{name}.key", key)


def _private(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(_pem(key))


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
