//! Checks of single values that no rule has a number for.

use super::is_id;
use crate::framework::schema::Problem;
use crate::framework::value::Value;

/// Name of the load balancer as the cloud takes it.
pub(crate) fn load_balancer_name(value: &Value) -> Result<(), Problem> {
    let name = value.as_str().unwrap_or_default();
    let count = name.chars().count();
    let starts = name.starts_with(|c: char| c.is_alphabetic());
    let rest = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if (2..=128).contains(&count) && starts && rest {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Load Balancer Name",
        format!(
            "{name:?} is refused by the cloud. Use 2 to 128 letters, digits, '.', '_' and '-', starting with a letter."
        ),
    ))
}

/// An elastic IP address.
pub(crate) fn allocation_id(value: &Value) -> Result<(), Problem> {
    let id = value.as_str().unwrap_or_default();
    if is_id(id, "eip-") {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Elastic IP ID",
        format!("{id:?} is no ID of an elastic IP address, such as \"eip-bp1abc\"."),
    ))
}

/// Description of a listener as the cloud takes it.
pub(crate) fn listener_description(value: &Value) -> Result<(), Problem> {
    let count = value.as_str().unwrap_or_default().chars().count();
    if (2..=256).contains(&count) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Listener Description",
        format!("The description has a length of {count}. Use 2 to 256 characters."),
    ))
}
