//! The cloud side of the sandbox from outside: over sockets, and as a process.

#[cfg(test)]
mod api;
#[cfg(test)]
mod client;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod process;
