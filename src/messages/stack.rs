//! Messages about several objects of one gateway together: gateway, Ingresses and Secrets.

use super::Message;

pub(super) const MESSAGES: &[Message] = &[];
