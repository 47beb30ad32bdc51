//! Create, replace, patch and apply: from a body to a stored object.
//!
//! The order of steps is the real server's, because it decides which of several faults is reported: decode, ownership,
//! metadata rules, version checks, validation, storage.

use std::sync::Arc;

use rand::Rng as _;
use serde_json::{Value, json};

use super::apply::managers::{self, Identity, Managers, Operation};
use super::apply::set::FieldSet;
use super::engine::{self, DEFINITIONS, Engine, NAMESPACES, State};
use super::intake::{
    FieldValidation, check_apply_body, check_name, decoded, described, findings, place, same_version, strict_text,
};
use super::resource::{Builtin, Resource};
use super::status::{ApiError, FieldError};
use super::storage::Key;
use super::validation::{decode, kinds as rules, names, warnings};
use super::{crd, meta, patch};

/// The options of one write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) dry_run: bool,
    pub(crate) manager: String,
    pub(crate) force: bool,
    pub(crate) validation: FieldValidation,
}

/// The form of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

/// The object a write is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: Arc<Resource>,
    pub(crate) subresource: String,
    pub(crate) key: Key,
}

/// The outcome of a write.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) object: Arc<Value>,
    pub(crate) created: bool,
    pub(crate) warnings: Vec<String>,
}

/// Where an update comes from, which decides how some faults are worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Put,
    Patch,
    Apply,
}

impl Engine {
    /// POST.
    pub(crate) fn create(&self, target: &Target, body: decode::Body, options: &Options) -> Result<Written, ApiError> {
        let resource = &target.resource;
        let (mut object, unknown) = decoded(resource, body.value)?;
        let mut warned = findings(resource, &unknown, &body.duplicates, options.validation)?;
        let mut state = self.lock();
        place(resource, &target.key.0, &mut object)?;
        let writer = self.writer(target, options, Operation::Update);
        self.track_update(&writer, target, &empty(resource), &mut object, true);
        let object = self.insert(&mut state, resource, object, options.dry_run, true)?;
        warned.dedup();
        warned.extend(warnings::of(resource, None, &object));
        Ok(Written { object, created: true, warnings: warned })
    }

    /// PUT.
    pub(crate) fn replace(&self, target: &Target, body: decode::Body, options: &Options) -> Result<Written, ApiError> {
        let resource = &target.resource;
        let (mut object, unknown) = decoded(resource, body.value)?;
        let mut warned = findings(resource, &unknown, &body.duplicates, options.validation)?;
        let mut state = self.lock();
        place(resource, &target.key.0, &mut object)?;
        check_name(target, &object)?;
        let writer = self.writer(target, options, Operation::Update);
        let Some(live) = state.store.get(&resource.bucket(), &target.key) else {
            if !resource.creates_on_update() || !target.subresource.is_empty() {
                return Err(ApiError::not_found(resource.named(), &target.key.1));
            }
            self.track_update(&writer, target, &empty(resource), &mut object, true);
            let object = self.insert(&mut state, resource, object, options.dry_run, false)?;
            warned.extend(warnings::of(resource, None, &object));
            return Ok(Written { object, created: true, warnings: warned });
        };
        let wanted = meta::uid(&object);
        if !wanted.is_empty() && wanted != meta::uid(&live) {
            let detail = format!(
                "StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
                 failed: UID in precondition: {wanted}, UID in object meta: {}",
                resource.storage_key(&target.key),
                meta::uid(&live)
            );
            return Err(ApiError::conflict(resource.named(), &target.key.1, &detail));
        }
        self.track_update(&writer, target, &live, &mut object, false);
        let object = self.update(&mut state, target, &live, object, options, Source::Put)?;
        warned.extend(warnings::of(resource, Some(&live), &object));
        Ok(Written { object, created: false, warnings: warned })
    }

    /// PATCH in all four forms.
    pub(crate) fn patch(
        &self,
        target: &Target,
        kind: PatchKind,
        body: decode::Body,
        options: &Options,
    ) -> Result<Written, ApiError> {
        if kind == PatchKind::Apply {
            return self.apply(target, body, options);
        }
        let resource = &target.resource;
        let mut state = self.lock();
        let Some(live) = state.store.get(&resource.bucket(), &target.key) else {
            return Err(ApiError::not_found(resource.named(), &target.key.1));
        };
        let mut patched = live.as_ref().clone();
        match kind {
            PatchKind::Json => patch::json(&mut patched, &body.value).map_err(|error| match error {
                patch::JsonPatchError::Malformed => ApiError::bad_request(
                    "error decoding patch: json: cannot unmarshal value into Go value of type handlers.jsonPatchOp",
                ),
                patch::JsonPatchError::Refused(detail) => {
                    tracing::debug!(detail, "JSON patch refused");
                    ApiError::unprocessable()
                }
            })?,
            PatchKind::Merge | PatchKind::Apply => patch::merge(&mut patched, &body.value),
            PatchKind::Strategic => patch::strategic(&resource.ty, &mut patched, &body.value)?,
        }
        same_version(resource, &patched)?;
        let shown = patched.to_string();
        let wrap = |detail: String| {
            let named = super::status::Named { group: "", resource: "", kind: "" };
            ApiError::invalid(named, "", &[FieldError::invalid("patch", &json!(shown), &detail)])
        };
        let (mut object, unknown) = decoded(resource, patched).map_err(|error| {
            if error.code != 400 {
                return error;
            }
            let prefix = format!(
                "{} in version {:?} cannot be handled as a {}: ",
                resource.kind, resource.version, resource.kind
            );
            wrap(error.message.strip_prefix(&prefix).unwrap_or(&error.message).to_owned())
        })?;
        let mut warned = match options.validation {
            FieldValidation::Strict => {
                let text = strict_text(&unknown, &body.duplicates);
                if !text.is_empty() {
                    return Err(wrap(format!("strict decoding error: {text}")));
                }
                Vec::new()
            }
            FieldValidation::Warn | FieldValidation::Ignore => {
                findings(resource, &unknown, &body.duplicates, options.validation)?
            }
        };
        place(resource, &target.key.0, &mut object)?;
        check_name(target, &object)?;
        let writer = self.writer(target, options, Operation::Update);
        self.track_update(&writer, target, &live, &mut object, false);
        let object = self.update(&mut state, target, &live, object, options, Source::Patch)?;
        warned.extend(warnings::of(resource, Some(&live), &object));
        Ok(Written { object, created: false, warnings: warned })
    }

    fn apply(&self, target: &Target, body: decode::Body, options: &Options) -> Result<Written, ApiError> {
        let resource = &target.resource;
        let config = body.value;
        let mut warned = match options.validation {
            FieldValidation::Strict if !body.duplicates.is_empty() => {
                let text = body.duplicates.iter().map(duplicate_text).collect::<Vec<_>>().join("\n  ");
                return Err(ApiError::bad_request(format!(
                    "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {text}"
                )));
            }
            FieldValidation::Warn => body.duplicates.iter().map(duplicate_text).collect(),
            FieldValidation::Strict | FieldValidation::Ignore => Vec::new(),
        };
        check_apply_body(target, &config)?;
        let mut state = self.lock();
        let live = state.store.get(&resource.bucket(), &target.key);
        if live.is_none() && !target.subresource.is_empty() {
            return Err(ApiError::not_found(resource.named(), &target.key.1));
        }
        let blank = empty(resource);
        let mut base = live.as_ref().map_or_else(|| blank.clone(), |live| live.as_ref().clone());
        let tracked = meta::remove(&mut base, &["metadata", "managedFields"]);
        let mut owners = Managers::decode(tracked.as_ref()).unwrap_or_default();
        let writer = self.writer(target, options, Operation::Apply);
        let write = writer.write(target);
        let mut new = owners.apply(&write, &blank, &base, &config, options.force).map_err(|conflicts| {
            let (message, causes) = managers::conflict_report(&conflicts);
            ApiError::apply_conflict(message, causes)
        })?;
        if meta::name(&new).is_empty() && live.is_none() {
            let message = format!(
                "the name of the object ({} based on URL) was undeterminable: name must be provided",
                target.key.1
            );
            return Err(ApiError::bad_request(message));
        }
        if meta::name(&new).is_empty() {
            meta::set(&mut new, &["metadata", "name"], json!(target.key.1));
        }
        if let Some(error) = resource.builtin.and_then(|_| decode::encoding_error(&resource.ty, &new)) {
            return Err(ApiError::unknown(format!(
                "failed to convert new object ({}) to proper version: unable to convert unstructured object to {}: error \
                 decoding from json: {error}",
                described(resource, &config),
                resource.group_version_kind()
            )));
        }
        let (mut object, _) = decoded(resource, new)?;
        place(resource, &target.key.0, &mut object)?;
        check_name(target, &object)?;
        set_owners(&mut object, &owners);
        match live {
            Some(live) => {
                let object = self.update(&mut state, target, &live, object, options, Source::Apply)?;
                warned.extend(warnings::of(resource, Some(&live), &object));
                Ok(Written { object, created: false, warnings: warned })
            }
            None => {
                let wanted = meta::uid(&object);
                if !wanted.is_empty() {
                    let detail = format!(
                        "uid mismatch: the provided object specified uid {wanted}, and no existing object was found"
                    );
                    return Err(ApiError::conflict(resource.named(), &target.key.1, &detail));
                }
                let version = meta::resource_version(&object);
                if !version.is_empty() {
                    check_number(version)?;
                }
                let object = self.insert(&mut state, resource, object, options.dry_run, false)?;
                warned.extend(warnings::of(resource, None, &object));
                Ok(Written { object, created: true, warnings: warned })
            }
        }
    }

    /// Stores a new object: server-owned metadata, validation, uniqueness.
    fn insert(
        &self,
        state: &mut State,
        resource: &Resource,
        mut object: Value,
        dry_run: bool,
        refuse_version: bool,
    ) -> Result<Arc<Value>, ApiError> {
        let now = self.now_text();
        if meta::name(&object).is_empty() {
            let prefix = meta::text(&object, &["metadata", "generateName"]).to_owned();
            if !prefix.is_empty() {
                meta::set(&mut object, &["metadata", "name"], json!(format!("{prefix}{}", suffix())));
            }
        }
        let name = meta::name(&object).to_owned();
        let namespace = meta::namespace(&object).to_owned();
        if resource.namespaced {
            state.check_namespace(resource, &namespace, &name)?;
        }
        let version = meta::resource_version(&object).to_owned();
        for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "generation"] {
            meta::remove(&mut object, &["metadata", field]);
        }
        meta::set(&mut object, &["metadata", "uid"], json!(engine::new_uid()));
        meta::set(&mut object, &["metadata", "creationTimestamp"], json!(now));
        if resource.has_generation {
            meta::set(&mut object, &["metadata", "generation"], json!(1));
        }
        if resource.has_status {
            meta::remove(&mut object, &["status"]);
            meta::copy(&mut object, &resource.empty, &["status"]);
        }
        self.on_create(resource, &mut object, &now);
        let mut errors = Vec::new();
        names::metadata(resource, &object, &mut errors);
        validate(resource, None, &object, &mut errors);
        if !errors.is_empty() {
            return Err(ApiError::invalid(resource.named(), &name, &errors));
        }
        // A version that is no number counts as none here, as kube-apiserver 1.36.3 answers.
        if refuse_version && version.parse::<u64>().is_ok_and(|version| version != 0) {
            return Err(ApiError::unknown("resourceVersion should not be set on objects to be created"));
        }
        let key = (namespace, name);
        if state.store.get(&resource.bucket(), &key).is_some() {
            return Err(ApiError::already_exists(resource.named(), &key.1));
        }
        if dry_run {
            // No store takes the version away that the caller gave.
            if !version.is_empty() {
                meta::set(&mut object, &["metadata", "resourceVersion"], json!(version));
            }
            return Ok(Arc::new(object));
        }
        let stored = state.store.put(&resource.bucket(), key, object);
        if resource.bucket() == DEFINITIONS {
            state.refresh_definitions();
        }
        self.announce(state);
        Ok(stored)
    }

    fn on_create(&self, resource: &Resource, object: &mut Value, now: &str) {
        match resource.builtin {
            Some(Builtin::Namespace) => {
                meta::set(object, &["status"], json!({"phase": "Active"}));
                let mut finalizers = meta::list(object, &["spec", "finalizers"]).to_vec();
                if !finalizers.contains(&json!("kubernetes")) {
                    finalizers.push(json!("kubernetes"));
                }
                meta::set(object, &["spec", "finalizers"], Value::Array(finalizers));
            }
            Some(Builtin::Definition) => {
                let status = crd::accepted_status(object, now);
                meta::set(object, &["status"], status);
            }
            Some(Builtin::Service) => self.allocate_address(object),
            _ => {}
        }
    }

    /// Gives a Service its cluster address, from the range 10.0.0.0/16.
    fn allocate_address(&self, object: &mut Value) {
        if meta::text(object, &["spec", "type"]) == "ExternalName" {
            return;
        }
        if meta::text(object, &["spec", "clusterIP"]).is_empty() {
            let address = format!("10.0.{}.{}", rand::rng().random_range(0..=255), rand::rng().random_range(1..=254));
            meta::set(object, &["spec", "clusterIP"], json!(address));
        }
        let address = meta::text(object, &["spec", "clusterIP"]).to_owned();
        meta::set(object, &["spec", "clusterIPs"], json!([address]));
        // A headless Service without a selector may have addresses of any family.
        let is_free = address == "None" && meta::get(object, &["spec", "selector"]).is_none();
        let (families, policy) =
            if is_free { (json!(["IPv4", "IPv6"]), "RequireDualStack") } else { (json!(["IPv4"]), "SingleStack") };
        for (field, value) in [("ipFamilies", families), ("ipFamilyPolicy", json!(policy))] {
            if meta::get(object, &["spec", field]).is_none() {
                meta::set(object, &["spec", field], value);
            }
        }
        let opens_ports = matches!(meta::text(object, &["spec", "type"]), "NodePort" | "LoadBalancer");
        let ports = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten().filter(|_| opens_ports) {
            if meta::integer(port, &["nodePort"]) == 0 {
                meta::set(port, &["nodePort"], json!(rand::rng().random_range(30000..=32767)));
            }
        }
    }

    /// Stores a changed object: metadata rules, version check, validation; a write that changes nothing stores nothing.
    fn update(
        &self,
        state: &mut State,
        target: &Target,
        live: &Value,
        mut object: Value,
        options: &Options,
        source: Source,
    ) -> Result<Arc<Value>, ApiError> {
        let resource = &target.resource;
        let named = resource.named();
        let name = &target.key.1;
        let mut errors = Vec::new();
        let version = meta::resource_version(&object).to_owned();
        if source != Source::Put && !version.is_empty() {
            check_number(&version)?;
        }
        if version.is_empty() || version == "0" {
            if source == Source::Put && !resource.allows_unconditional_update() {
                let detail = "must be specified for an update";
                let error = FieldError {
                    reason: "FieldValueInvalid",
                    field: "metadata.resourceVersion".to_owned(),
                    text: format!("Invalid value: 0: {detail}"),
                };
                // The real server words this one with the resource where the kind belongs.
                let worded = super::status::Named { kind: &resource.plural, ..named };
                return Err(ApiError::invalid(worded, name, &[error]));
            }
        } else if version.parse::<u64>().is_err() {
            let detail = format!("strconv.ParseUint: parsing {version:?}: invalid syntax");
            let error = FieldError::invalid("metadata.resourceVersion", &json!(version), &detail);
            return Err(ApiError::invalid(named, name, &[error]));
        } else if version != meta::resource_version(live) {
            return Err(ApiError::stale(named, name));
        }
        let mut faults = Vec::new();
        let uid = meta::uid(&object).to_owned();
        if !uid.is_empty() && uid != meta::uid(live) {
            faults.push(FieldError::invalid("metadata.uid", &json!(uid), "field is immutable"));
        }
        for field in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "generateName",
            "selfLink",
        ] {
            meta::copy(&mut object, live, &["metadata", field]);
        }
        scope_to_endpoint(target, live, &mut object);
        if meta::is_terminating(live) {
            let known = meta::finalizers(live);
            let added: Vec<&str> = meta::finalizers(&object).into_iter().filter(|one| !known.contains(one)).collect();
            if !added.is_empty() {
                let detail = format!(
                    "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    added.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(", ")
                );
                faults.push(FieldError::forbidden("metadata.finalizers", &detail));
            }
        }
        names::metadata(resource, &object, &mut faults);
        for fault in faults {
            errors.extend(std::iter::repeat_n(fault.clone(), names::times_listed(resource, &fault.field)));
        }
        validate(resource, Some(live), &object, &mut errors);
        if !errors.is_empty() {
            return Err(ApiError::invalid(named, name, &errors));
        }
        if resource.builtin == Some(Builtin::Service) && target.subresource.is_empty() {
            self.allocate_address(&mut object);
        }
        if resource.has_generation && target.subresource.is_empty() && desired_differs(resource, live, &object) {
            let generation = meta::integer(live, &["metadata", "generation"]) + 1;
            meta::set(&mut object, &["metadata", "generation"], json!(generation));
        }
        if resource.bucket() == DEFINITIONS && target.subresource.is_empty() {
            meta::copy(&mut object, live, &["status"]);
        }
        if same_but_times(live, &object) {
            return Ok(Arc::new(live.clone()));
        }
        if options.dry_run {
            return Ok(Arc::new(object));
        }
        let bucket = resource.bucket();
        let ends = meta::is_terminating(&object)
            && meta::finalizers(&object).is_empty()
            && (!engine::is_namespace(resource) || meta::list(&object, &["spec", "finalizers"]).is_empty());
        let stored = if ends {
            if let Some(removed) = state.store.delete(&bucket, &target.key) {
                meta::copy(&mut object, &removed, &["metadata", "resourceVersion"]);
            }
            Arc::new(object)
        } else {
            state.store.put(&bucket, target.key.clone(), object)
        };
        if bucket == DEFINITIONS || bucket == NAMESPACES {
            state.refresh_definitions();
        }
        self.announce(state);
        Ok(stored)
    }

    fn writer(&self, target: &Target, options: &Options, operation: Operation) -> Writer {
        let api_version = target.resource.api_version();
        Writer {
            identity: Identity::new(&options.manager, operation, &api_version, &target.subresource),
            api_version,
            ignored: untouchable(target),
            now: self.now_text(),
        }
    }

    /// Records who set what in a create, PUT or patch.
    fn track_update(&self, writer: &Writer, target: &Target, live: &Value, object: &mut Value, creating: bool) {
        let mut base = live.clone();
        let live_owners = meta::remove(&mut base, &["metadata", "managedFields"]);
        let given = meta::remove(object, &["metadata", "managedFields"]);
        let live_owners = || Managers::decode(live_owners.as_ref()).unwrap_or_default();
        let mut owners = match &given {
            _ if !target.subresource.is_empty() => live_owners(),
            Some(Value::Array(entries)) if is_reset(entries) => Managers::default(),
            Some(given @ Value::Array(_)) => match Managers::decode(Some(given)) {
                Some(owners) if !owners.is_empty() => owners,
                Some(_) | None => live_owners(),
            },
            _ => live_owners(),
        };
        // An object nobody tracks stays untracked until it is applied.
        if creating || !owners.is_empty() {
            owners.update(&writer.write(target), &base, object);
        }
        set_owners(object, &owners);
    }
}

struct Writer {
    identity: Identity,
    api_version: String,
    ignored: FieldSet,
    now: String,
}

impl Writer {
    fn write<'a>(&'a self, target: &'a Target) -> managers::Write<'a> {
        managers::Write {
            ty: &target.resource.ty,
            identity: &self.identity,
            api_version: &self.api_version,
            ignored: &self.ignored,
            now: &self.now,
        }
    }
}

/// The empty object changes are measured against on create.
fn empty(resource: &Resource) -> Value {
    let mut empty = resource.empty.clone();
    meta::set(&mut empty, &["apiVersion"], json!(resource.api_version()));
    meta::set(&mut empty, &["kind"], json!(resource.kind));
    empty
}

/// What an endpoint leaves as it is.
fn untouchable(target: &Target) -> FieldSet {
    match (target.subresource.as_str(), target.resource.has_status) {
        ("status", _) if target.resource.builtin.is_none() => FieldSet::of_fields(&[&["metadata"], &["spec"]]),
        ("status", _) => FieldSet::of_fields(&[&["spec"]]),
        (_, true) => FieldSet::of_fields(&[&["status"]]),
        (_, false) => FieldSet::default(),
    }
}

/// Puts back what the endpoint does not write.
fn scope_to_endpoint(target: &Target, live: &Value, object: &mut Value) {
    let resource = &target.resource;
    match target.subresource.as_str() {
        "status" if resource.builtin.is_none() => {
            let status = object.get("status").cloned();
            let owners = meta::get(object, &["metadata", "managedFields"]).cloned();
            *object = live.clone();
            match status {
                Some(status) => meta::set(object, &["status"], status),
                None => drop(meta::remove(object, &["status"])),
            }
            match owners {
                Some(owners) => meta::set(object, &["metadata", "managedFields"], owners),
                None => drop(meta::remove(object, &["metadata", "managedFields"])),
            }
        }
        "status" => meta::copy(object, live, &["spec"]),
        "finalize" => meta::copy(object, live, &["status"]),
        _ if resource.has_status => {
            meta::copy(object, live, &["status"]);
            if engine::is_namespace(resource) {
                meta::copy(object, live, &["spec"]);
            }
        }
        _ => {}
    }
    if resource.builtin == Some(Builtin::Service) {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if meta::get(object, &["spec", field]).is_none() {
                meta::copy(object, live, &["spec", field]);
            }
        }
    }
}

fn desired_differs(resource: &Resource, live: &Value, object: &Value) -> bool {
    let desired = |object: &Value| {
        let mut object = object.clone();
        meta::remove(&mut object, &["metadata"]);
        if resource.has_status {
            meta::remove(&mut object, &["status"]);
        }
        object
    };
    desired(live) != desired(object)
}

fn same_but_times(live: &Value, object: &Value) -> bool {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            meta::remove(entry, &["time"]);
        }
        object
    };
    live == object || timeless(live) == timeless(object)
}

fn is_reset(entries: &[Value]) -> bool {
    match entries {
        [] => true,
        [only] => only.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

fn set_owners(object: &mut Value, owners: &Managers) {
    if owners.is_empty() {
        meta::remove(object, &["metadata", "managedFields"]);
    } else {
        meta::set(object, &["metadata", "managedFields"], owners.encode());
    }
}

fn validate(resource: &Resource, old: Option<&Value>, new: &Value, errors: &mut Vec<FieldError>) {
    rules::validate(resource, old, new, errors);
    if let Some(validation) = &resource.validation {
        crd::validate(validation, new, "", errors);
    }
}

/// Refuses a version that is no number, in the words of the number parser.
fn check_number(version: &str) -> Result<(), ApiError> {
    match version.parse::<u64>() {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::unknown(format!("strconv.ParseUint: parsing {version:?}: invalid syntax"))),
    }
}

/// A key that stands twice in one map of an apply body, as the YAML reader says it.
fn duplicate_text(duplicate: &decode::Duplicate) -> String {
    let key = duplicate.path.rsplit('.').next().unwrap_or(&duplicate.path);
    format!("line {}: key {key:?} already set in map", duplicate.line)
}

/// Five letters and digits that form no words.
fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut random = rand::rng();
    (0..5)
        .filter_map(|_| LETTERS.get(random.random_range(0..LETTERS.len())).map(|&letter| char::from(letter)))
        .collect()
}
