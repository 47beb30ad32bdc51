//! Turns the `.proto` files of the `proto` crate into its checked-in Rust code.
//!
//! protox is the protobuf compiler, so no `protoc` binary is needed, and the product's build runs no code generator at
//! all. Called by `main.rs`; writes nothing outside `proto/src/generated/` and a temporary directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::StepError;

/// One run of the generator: files that share the same options.
struct Unit {
    protos: &'static [&'static str],
    /// Gives every server method an "unimplemented" default. It also turns the stream types of a service from
    /// associated types into boxed streams, so it is chosen per file.
    default_stubs: bool,
    /// Messages whose `Debug` is written by hand in `proto/src/lib.rs`, because it must not show values.
    skip_debug: &'static [&'static str],
}

const UNITS: &[Unit] = &[
    Unit {
        protos: &["tfplugin6.proto"],
        default_stubs: true,
        skip_debug: &[".tfplugin6.DynamicValue", ".tfplugin6.RawState"],
    },
    Unit {
        protos: &["plugin.proto", "health.proto", "reflection_v1.proto", "reflection_v1alpha.proto"],
        default_stubs: false,
        skip_debug: &[],
    },
];

/// Rewrites `proto/src/generated/`.
pub(crate) fn write() -> Result<(), StepError> {
    let directory = generated_directory();
    let fresh = generate()?;
    for name in read_directory(&directory)?.into_keys().filter(|name| !fresh.contains_key(name)) {
        fs::remove_file(directory.join(name))?;
    }
    for (name, content) in &fresh {
        fs::write(directory.join(name), content)?;
    }
    eprintln!("wrote {} files to proto/src/generated", fresh.len());
    Ok(())
}

/// Fails when `proto/src/generated/` differs from what [`write()`] would leave there.
pub(crate) fn check() -> Result<(), StepError> {
    let stale = differences(&read_directory(&generated_directory())?, &generate()?);
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("generated code is stale: {}\nRun `cargo xtask codegen` and commit the result.", stale.join(", "))
        .into())
}

/// Names of the files that are missing, superfluous or different.
fn differences(checked_in: &BTreeMap<String, String>, fresh: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<String> = checked_in
        .keys()
        .chain(fresh.keys())
        .filter(|name| checked_in.get(*name) != fresh.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

fn generate() -> Result<BTreeMap<String, String>, StepError> {
    let directory = std::env::temp_dir().join(format!("ackone-codegen-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let generated = UNITS
        .iter()
        .try_for_each(|unit| generate_unit(unit, &directory))
        .and_then(|()| read_directory(&directory).map_err(StepError::from));
    fs::remove_dir_all(&directory)?;
    generated
}

fn generate_unit(unit: &Unit, directory: &Path) -> Result<(), StepError> {
    let descriptors = protox::compile(unit.protos, [proto_crate().join("proto")])?;
    tonic_prost_build::configure()
        .out_dir(directory)
        .btree_map(".") // map order reaches the wire, logs and golden files
        .build_transport(false) // clients take any GrpcService: the caller owns the connection
        .generate_default_stubs(unit.default_stubs)
        .skip_debug(unit.skip_debug.iter().copied())
        .compile_fds(descriptors)?;
    Ok(())
}

fn read_directory(directory: &Path) -> io::Result<BTreeMap<String, String>> {
    fs::read_dir(directory)?
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path())?))
        })
        .collect()
}

fn proto_crate() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto")
}

fn generated_directory() -> PathBuf {
    proto_crate().join("src/generated")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    }

    #[test]
    fn stale_missing_and_superfluous_files_are_all_named() {
        let checked_in = files(&[("same.rs", "1"), ("stale.rs", "1"), ("superfluous.rs", "1")]);
        let fresh = files(&[("same.rs", "1"), ("stale.rs", "2"), ("missing.rs", "1")]);
        assert_eq!(differences(&checked_in, &fresh), ["missing.rs", "stale.rs", "superfluous.rs"]);
    }

    #[test]
    fn checked_in_code_is_what_the_generator_writes() {
        check().unwrap();
    }
}
