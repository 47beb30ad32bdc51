//! Messages of calls to the cloud API, whichever resource makes them.

use super::{Message, either, error};

pub(super) const MESSAGES: &[Message] = &[
    error(
        "No Cloud Credentials",
        "the resource",
        "None of the sources of credentials had any; the message lists what each of them said.",
        "Set access_key and secret_key, ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or a profile.",
    ),
    error(
        "Role Not Assumed",
        "the resource",
        "A role is to be assumed, and the security token service refused or did not answer; the message repeats its words.",
        "Check that the role exists, that its trust policy names whoever assumes it, and the settings of the session.",
    ),
    error(
        "Credentials URI Failed",
        "the resource",
        "The server behind the credentials URI did not answer with temporary keys.",
        "Check that it runs, and that it answers with HTTP 200 and the JSON that the credentials guide shows.",
    ),
    error(
        "Credential Process Failed",
        "the resource",
        "The program of a profile of mode External failed, took longer than a minute, or printed something else than keys.",
        "Run it by hand and look at what it prints. The message does not repeat it, since it may hold keys.",
    ),
    error(
        "Instance Role Unavailable",
        "the resource",
        "The keys of the ECS instance's RAM role are asked for, and its metadata service gave none.",
        "Check that this is an ECS instance with a role, and that this process may reach its metadata service.",
    ),
    error(
        "Cloud Credentials Not Accepted",
        "the resource",
        "The key does not exist, is disabled or expired, the secret does not fit, or this machine's clock is far off.",
        "Do what the message says for its case; the pair of ID and secret must belong together.",
    ),
    error(
        "Cloud Action Forbidden",
        "the resource",
        "RAM does not allow the identity that signs the calls to make this one.",
        "Grant the action that the message names, or use other credentials.",
    ),
    error(
        "Fleet Not Found",
        "fleet_id",
        "The account has no Fleet of this ID in the region.",
        "Check the ID, the region and the account of the credentials.",
    ),
    error(
        "Region Or Endpoint Missing",
        "the resource",
        "Neither a region nor an endpoint says where the call goes.",
        "Set region in the provider block, or ALIBABA_CLOUD_REGION.",
    ),
    error(
        "Cloud API Unreachable",
        "the resource",
        "The endpoint did not answer, also when asked again.",
        "Check the network, the proxy in HTTPS_PROXY, and the region or endpoint.",
    ),
    error(
        "Unexpected Cloud Answer",
        "the resource",
        "The answer is not what the API documents: often a proxy or gateway answered in its place.",
        "Check the endpoint and what stands between; else report it.",
    ),
    error(
        "Too Many Cloud Calls",
        "the resource",
        "The cloud throttled the account for longer than the retries last.",
        "Apply again later, or lower -parallelism.",
    ),
    error(
        "Cloud Call Took Too Long",
        "the resource",
        "The call did not succeed within the time that timeouts allows.",
        "Raise it in timeouts, or apply again later.",
    ),
    error(
        "Cloud Call Refused",
        "the resource",
        "The cloud refused the call for a reason of its own, which the message repeats.",
        "Do what the cloud's message says; the request ID helps its support.",
    ),
    either(
        "Interrupted",
        "the resource",
        "The run was interrupted while a call or a wait was under way.",
        "Apply again. The plan starts from what exists; nothing is made twice.",
    ),
];
