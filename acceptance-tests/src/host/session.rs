//! One run of a provider as core drives it: a fresh process, configured once, asked to plan and apply.
//!
//! It keeps what core keeps between runs, state and private data of one instance, and gives nothing else back.

use std::collections::BTreeMap;

use serde_json::Value;
use tfplugin_proto::tfplugin6::diagnostic::Severity;
use tfplugin_proto::tfplugin6::schema::Block;
use tfplugin_proto::tfplugin6::{
    Diagnostic, DynamicValue, RawState, apply_resource_change, configure_provider, get_provider_schema,
    plan_resource_change, read_resource, upgrade_resource_state,
};

use super::wire_value::{complete, decode_bytes, encode};
use super::{Connection, HostError, Launch, Plugin};

/// What core remembers of one resource instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instance {
    /// Its state; null when there is none.
    pub state: Value,
    /// The provider's own bytes beside it.
    pub private: Vec<u8>,
    /// A create answered an error: the next apply replaces it.
    pub tainted: bool,
}

/// What a plan or an apply answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What core remembers now.
    pub instance: Instance,
    /// Error diagnostics, summary and detail.
    pub errors: Vec<String>,
    /// Warning diagnostics.
    pub warnings: Vec<String>,
}

/// A configured provider process.
#[derive(Debug)]
pub struct Session {
    plugin: Plugin,
    connection: Connection,
    resources: BTreeMap<String, Block>,
}

fn dynamic(value: &Value) -> Option<DynamicValue> {
    Some(DynamicValue { msgpack: encode(value), json: Vec::new() })
}

fn split(diagnostics: &[Diagnostic]) -> (Vec<String>, Vec<String>) {
    let (errors, warnings): (Vec<_>, Vec<_>) =
        diagnostics.iter().partition(|diagnostic| diagnostic.severity() == Severity::Error);
    let strange = crate::catalogue::unknown(diagnostics.iter().map(|diagnostic| diagnostic.summary.as_str()));
    assert!(strange.is_empty(), "not in the guide \"Troubleshooting\" (a row in src/messages/): {strange:?}");
    let text = |all: Vec<&Diagnostic>| all.iter().map(|one| format!("{}: {}", one.summary, one.detail)).collect();
    (text(errors), text(warnings))
}

fn value_of(dynamic: Option<&DynamicValue>) -> Result<Value, HostError> {
    decode_bytes(dynamic.map(|value| value.msgpack.as_slice()).unwrap_or_default())
        .map_err(|reason| HostError::io("read a value")(std::io::Error::other(reason)))
}

impl Session {
    /// Starts a provider in an environment and configures it.
    ///
    /// # Errors
    /// If it does not come up, or refuses the configuration.
    pub async fn start(environment: &[(String, String)], config: &Value) -> Result<Self, HostError> {
        let mut launch = Launch::provider()?;
        for (name, value) in environment {
            launch = launch.env(name, value);
        }
        let plugin = launch.start().await?;
        let connection = plugin.connect().await?;
        let mut provider = connection.provider();
        let schemas = provider.get_provider_schema(get_provider_schema::Request {}).await?.into_inner();
        let block = schemas.provider.and_then(|schema| schema.block).unwrap_or_default();
        let request = configure_provider::Request {
            terraform_version: "1.11.4".to_owned(),
            config: dynamic(&complete(&block, config)),
            client_capabilities: None,
        };
        let answer = provider.configure_provider(request).await?.into_inner();
        let (errors, _) = split(&answer.diagnostics);
        if !errors.is_empty() {
            return Err(HostError::io("configure the provider")(std::io::Error::other(errors.join("\n"))));
        }
        let blocks = schemas.resource_schemas.into_iter().filter_map(|(name, schema)| Some((name, schema.block?)));
        Ok(Self { plugin, connection, resources: blocks.collect() })
    }

    /// Ends the process.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn end(self) -> Result<(), HostError> {
        self.plugin.shut_down().await.map(drop)
    }

    /// What the process logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.plugin.stderr()
    }

    fn block(&self, type_name: &str) -> Result<&Block, HostError> {
        self.resources
            .get(type_name)
            .ok_or_else(|| HostError::io("find a resource type")(std::io::Error::other(type_name.to_owned())))
    }

    /// Refreshes an instance.
    ///
    /// # Errors
    /// If the call is answered with a gRPC status.
    pub async fn read(&self, type_name: &str, instance: &Instance) -> Result<Answer, HostError> {
        let request = read_resource::Request {
            type_name: type_name.to_owned(),
            current_state: dynamic(&instance.state),
            private: instance.private.clone(),
            ..Default::default()
        };
        let answer = self.connection.provider().read_resource(request).await?.into_inner();
        let (errors, warnings) = split(&answer.diagnostics);
        let instance = if errors.is_empty() {
            let state = value_of(answer.new_state.as_ref())?;
            Instance { state, private: answer.private, tainted: instance.tainted }
        } else {
            instance.clone()
        };
        Ok(Answer { instance, errors, warnings })
    }

    /// Brings a stored instance to the shape of the current schema.
    ///
    /// # Errors
    /// If the call is answered with a gRPC status, or the state is refused.
    pub async fn upgrade(&self, type_name: &str, version: i64, json: &Value) -> Result<Value, HostError> {
        let raw_state = Some(RawState { json: json.to_string().into_bytes(), ..RawState::default() });
        let request = upgrade_resource_state::Request { type_name: type_name.to_owned(), version, raw_state };
        let answer = self.connection.provider().upgrade_resource_state(request).await?.into_inner();
        let (errors, _) = split(&answer.diagnostics);
        if !errors.is_empty() {
            return Err(HostError::io("upgrade a state")(std::io::Error::other(errors.join("\n"))));
        }
        value_of(answer.upgraded_state.as_ref())
    }

    /// Plans a configuration; nothing is applied. The instance that is answered is the planned one.
    ///
    /// # Errors
    /// If the call is answered with a gRPC status.
    pub async fn plan(&self, type_name: &str, config: &Value, prior: &Instance) -> Result<Answer, HostError> {
        let (answer, errors, warnings) = self.planned(type_name, config, prior).await?;
        let state = value_of(answer.planned_state.as_ref())?;
        let instance = Instance { state, private: answer.planned_private, tainted: prior.tainted };
        Ok(Answer { instance, errors, warnings })
    }

    /// The plan as it is answered, with its errors and warnings. Core's own rule: a computed attribute that is not
    /// configured keeps its prior value in the proposal.
    async fn planned(
        &self,
        type_name: &str,
        config: &Value,
        prior: &Instance,
    ) -> Result<(plan_resource_change::Response, Vec<String>, Vec<String>), HostError> {
        let block = self.block(type_name)?;
        let config = complete(block, config);
        let mut proposed = config.clone();
        if let Some(fields) = proposed.as_object_mut() {
            for attribute in &block.attributes {
                if attribute.write_only {
                    fields.insert(attribute.name.clone(), Value::Null);
                } else if attribute.computed && config.get(&attribute.name).is_none_or(Value::is_null) {
                    let kept = prior.state.get(&attribute.name).cloned().unwrap_or_default();
                    fields.insert(attribute.name.clone(), kept);
                }
            }
        }
        let request = plan_resource_change::Request {
            type_name: type_name.to_owned(),
            prior_state: dynamic(&prior.state),
            proposed_new_state: dynamic(&proposed),
            config: dynamic(&config),
            prior_private: prior.private.clone(),
            ..Default::default()
        };
        let answer = self.connection.provider().plan_resource_change(request).await?.into_inner();
        let (errors, warnings) = split(&answer.diagnostics);
        Ok((answer, errors, warnings))
    }

    /// Plans and applies a configuration, or the deletion when it is null.
    ///
    /// # Errors
    /// If a call is answered with a gRPC status.
    pub async fn apply(&self, type_name: &str, config: &Value, prior: &Instance) -> Result<Answer, HostError> {
        let config = complete(self.block(type_name)?, config);
        let (mut planned, mut private) = (dynamic(&Value::Null), prior.private.clone());
        let mut warnings = Vec::new();
        if !config.is_null() {
            let (answer, errors, more) = self.planned(type_name, &config, prior).await?;
            warnings = more;
            if !errors.is_empty() {
                return Ok(Answer { instance: prior.clone(), errors, warnings });
            }
            if value_of(answer.planned_state.as_ref())? == prior.state {
                return Ok(Answer { instance: prior.clone(), errors, warnings });
            }
            (planned, private) = (answer.planned_state, answer.planned_private);
        }
        let request = apply_resource_change::Request {
            type_name: type_name.to_owned(),
            prior_state: dynamic(&prior.state),
            planned_state: planned,
            config: dynamic(&config),
            planned_private: private,
            ..Default::default()
        };
        let answer = self.connection.provider().apply_resource_change(request).await?.into_inner();
        let (errors, more) = split(&answer.diagnostics);
        warnings.extend(more);
        let state = value_of(answer.new_state.as_ref())?;
        let tainted = prior.state.is_null() && !errors.is_empty() && !state.is_null();
        Ok(Answer { instance: Instance { state, private: answer.private, tainted }, errors, warnings })
    }
}
