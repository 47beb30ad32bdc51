//! What a person may ask of the executable. A host passes no arguments at all.
//!
//! Called by `main` before anything else. Go providers accept one or two dashes; so does this.

use std::ffi::OsString;

/// What this run of the executable is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A host starts the provider, uses it and stops it.
    Plugin,
    /// A developer starts it, and several hosts attach to it one after the other.
    Debug,
    /// Print the version.
    Version,
    /// Print how to use the executable.
    Help,
}

/// An argument nobody knows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown argument {0:?}")]
pub struct UnknownArgument(OsString);

impl Mode {
    /// Reads the arguments that follow the program's name. The last one wins.
    ///
    /// # Errors
    ///
    /// An argument is unknown.
    pub fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UnknownArgument> {
        arguments.into_iter().try_fold(Self::Plugin, |_, argument| match argument.to_str() {
            Some("-debug" | "--debug") => Ok(Self::Debug),
            Some("-version" | "--version" | "-V") => Ok(Self::Version),
            Some("-help" | "--help" | "-h") => Ok(Self::Help),
            _ => Err(UnknownArgument(argument)),
        })
    }
}

/// The text of `--help`.
pub(crate) const HELP: &str = "\
Usage: terraform-provider-ackone [--debug | --version | --help]

This executable is a Terraform provider. Terraform starts it by itself, without arguments.

  --debug     serve until Ctrl-C, and print the TF_REATTACH_PROVIDERS variable that lets Terraform attach
  --version   print the version and the plugin protocol it speaks
  --help      print this text
";

/// What a person sees who runs the executable by hand.
pub(crate) const NOT_A_HOST: &str = "\
This file is a Terraform provider. It is not meant to be run by hand.
Terraform starts it when a configuration names the provider \"ackone\"; run `terraform init` there to install it.
Its documentation is in the docs directory of https://github.com/ackone/terraform-provider-ackone. Try --help.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(arguments: &[&str]) -> Result<Mode, UnknownArgument> {
        Mode::from_arguments(arguments.iter().map(OsString::from))
    }

    #[test]
    fn a_host_passes_nothing() {
        assert_eq!(mode(&[]), Ok(Mode::Plugin));
    }

    #[test]
    fn one_dash_and_two_mean_the_same() {
        for (one, two, expected) in [
            ("-debug", "--debug", Mode::Debug),
            ("-version", "--version", Mode::Version),
            ("-help", "--help", Mode::Help),
        ] {
            assert_eq!(mode(&[one]), Ok(expected));
            assert_eq!(mode(&[two]), Ok(expected));
        }
    }

    #[test]
    fn an_unknown_argument_is_named() {
        assert_eq!(mode(&["--debug", "plan"]).unwrap_err().to_string(), "unknown argument \"plan\"");
    }
}
