//! Messages of `ackone_tls_secret`.

use super::{Message, either, error, warning};

pub(super) const MESSAGES: &[Message] = &[
    error(
        "No Certificate",
        "the resource",
        "Neither a certificate nor self_signed is configured.",
        "Set certificate_pem with its key, or self_signed.",
    ),
    error(
        "Two Sources of a Certificate",
        "certificate_pem, private_key_pem, private_key_pem_wo",
        "self_signed stands beside a certificate or key of your own.",
        "Keep one of the two ways.",
    ),
    error(
        "Two Private Keys",
        "private_key_pem",
        "The key is given both as a stored and as a write-only attribute.",
        "Keep private_key_pem_wo where the host supports it.",
    ),
    error(
        "Certificate Without Key",
        "certificate_pem",
        "A certificate is configured without its private key.",
        "Set private_key_pem_wo or private_key_pem.",
    ),
    error(
        "Key Without Certificate",
        "the resource",
        "A private key is configured without its certificate.",
        "Set certificate_pem.",
    ),
    error(
        "Version Without Key",
        "private_key_pem_wo_version",
        "There is a version of a write-only key, but no key.",
        "Set both or neither.",
    ),
    error(
        "Invalid Certificate",
        "certificate_pem",
        "The text is no chain of PEM certificates.",
        "Give the server's certificate and then its issuers, each as a PEM block.",
    ),
    error(
        "Private Key in Certificate",
        "certificate_pem",
        "The certificate text also holds a private key, which plans and state would show.",
        "Move the key to private_key_pem_wo.",
    ),
    error(
        "Invalid Private Key",
        "private_key_pem, private_key_pem_wo",
        "The text is no usable private key: damaged, encrypted, or of another kind.",
        "Give one unencrypted RSA or ECDSA key as PEM (PKCS#8, PKCS#1 or SEC 1).",
    ),
    either(
        "Key Does Not Match Certificate",
        "private_key_pem, private_key_pem_wo; certificate_pem when the live Secret is meant",
        "The private key belongs to another certificate than the first of the chain.",
        "Give the key that the certificate was issued for, and the server's certificate first. A live pair is set back by the \
         next apply.",
    ),
    error(
        "Certificate Chain Out of Order",
        "certificate_pem",
        "The chain does not begin with the server's certificate, or one is not followed by its issuer.",
        "Sort it: server, then each issuer after what it issued.",
    ),
    either(
        "Certificate Without Common Name",
        "certificate_pem; tls[*].secret_name of an Ingress",
        "The ALB certificate service takes no certificate without a common name.",
        "Have it issued with one, usually the host.",
    ),
    either(
        "Certificate Expired",
        "certificate_pem; tls[*].secret_name of an Ingress; listeners of a gateway",
        "The certificate's end has passed, and the ALB certificate service refuses it.",
        "Give a valid certificate.",
    ),
    warning(
        "Certificate Ends Soon",
        "certificate_pem; tls[*].secret_name of an Ingress",
        "The certificate ends in less than 30 days.",
        "Have it renewed; self_signed renews by itself.",
    ),
    warning(
        "Certificate Not Valid Yet",
        "certificate_pem",
        "The certificate's validity begins later, and clients refuse it until then.",
        "Wait, or check the clock of whoever issued it.",
    ),
    warning(
        "Issuer Certificate Expired",
        "certificate_pem",
        "An intermediate certificate of the chain has ended, so that clients cannot verify the server's.",
        "Give the current certificate of that issuer; the server's own may stay.",
    ),
    warning(
        "Certificate Chain Does Not Connect",
        "certificate_pem",
        "An issuer's certificate has the right name, but not the key that the certificate before it was signed with.",
        "Give the issuer's certificate that came with the server's.",
    ),
    warning(
        "Certificate Without Alternative Names",
        "certificate_pem",
        "The certificate names its host only as common name, at which clients no longer look.",
        "Have it issued with its hosts as DNS names of the subject alternative name.",
    ),
    warning(
        "Unusual Certificate Key",
        "certificate_pem",
        "A certificate is for a key that TLS clients and ALB do not take: another curve, Ed25519, DSA.",
        "Have it issued for an RSA key, or an ECDSA key with curve P-256, P-384 or P-521.",
    ),
    warning(
        "Weak Certificate Signature",
        "certificate_pem",
        "A certificate is signed with MD5 or SHA-1, which clients no longer accept.",
        "Have it issued with SHA-256.",
    ),
    warning(
        "Weak Certificate Key",
        "certificate_pem",
        "The RSA key of a certificate of the chain is shorter than 2048 bits.",
        "Have it issued for a longer key, or for an ECDSA key.",
    ),
    error(
        "Invalid {}",
        "self_signed.common_name, self_signed.organization",
        "The text is empty, longer than 64 characters, or holds control characters.",
        "Write 1 to 64 characters.",
    ),
    error(
        "Invalid DNS Name",
        "self_signed.dns_names",
        "An entry is no DNS name.",
        "Write a host, or a wildcard for one label such as *.example.com.",
    ),
    error(
        "Invalid Number of Days",
        "self_signed.validity_days, self_signed.renew_before_days",
        "The number of days is outside of its range.",
        "Write a whole number from 1 to 3650.",
    ),
    error(
        "Renewal Without End",
        "self_signed.renew_before_days",
        "The certificate would be due for renewal from the moment it is made.",
        "Choose fewer renew_before_days than validity_days.",
    ),
    error(
        "Invalid Key Algorithm",
        "self_signed.key_algorithm",
        "The key algorithm is none of those that ALB serves.",
        "Write one of those that the message lists.",
    ),
    error(
        "Incomplete Certificate",
        "certificate_pem",
        "Certificate or key came from another resource and turned out to be null in apply.",
        "Look why the source is null; nothing was written.",
    )
    .not_rendered("Terraform plans once more in apply, with what is known then, and that plan finds it first"),
    error(
        "Certificate Not Made",
        "self_signed",
        "The self-signed certificate could not be generated.",
        "Try again, with another key_algorithm if it stays.",
    )
    .not_rendered("every profile that the checks accept can be generated"),
    error(
        "Key Gone",
        "self_signed",
        "The Secret lost its private key between plan and apply.",
        "Plan again: the certificate is then renewed.",
    )
    .not_rendered("needs a change of the Secret between plan and apply"),
    either(
        "Immutable Secret",
        "certificate_pem",
        "The live Secret is marked immutable, so Kubernetes refuses new data.",
        "Replace it with terraform apply -replace, or use another name and let the Ingresses name that.",
    ),
    error(
        "Not a TLS Secret",
        "name",
        "A Secret of the name exists with another type, and the type of a Secret cannot be changed.",
        "Delete that Secret, or choose another name.",
    ),
    error(
        "Secret in Use",
        "ignore_users",
        "Ingresses still name the Secret, and without it their gateway is no longer reconciled.",
        "Change or delete them first; where the Secret is renamed set create_before_destroy; or apply ignore_users = true before.",
    ),
    warning(
        "Secret in Use Is Replaced",
        "the resource",
        "The Secret is replaced by one of the same name while Ingresses name it.",
        "Nothing; the controller goes on when the successor is there.",
    ),
];
