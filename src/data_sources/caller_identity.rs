//! `ackone_caller_identity`: who signs the calls. Needs no permission, so it is the first thing to ask when others fail.

use std::sync::Arc;

use super::cloud_reads::call_context;
use crate::clients::Clients;
use crate::framework::data_source::DataSource;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Planned, Stored};
use crate::framework::resource::Context;
use crate::framework::schema::{Attribute, Schema};
use crate::resources::diagnose_cloud::cloud_error;

crate::model! {
    /// The data source.
    pub(crate) struct CallerIdentityModel {
        pub(crate) account_id: String,
        pub(crate) arn: String,
        pub(crate) identity_type: String,
        pub(crate) principal_id: String,
        pub(crate) user_id: String,
        pub(crate) role_id: String,
    }
}

/// The data source.
#[derive(Debug)]
pub(super) struct CallerIdentityData(Arc<Clients>);

impl DataSource for CallerIdentityData {
    const TYPE: &'static str = "ackone_caller_identity";
    type Config = CallerIdentityModel<Planned>;
    type State = CallerIdentityModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        let text = |name, description: &'static str| Attribute::string(name, description).computed();
        Schema::new(
            "The identity whose keys sign the provider's cloud calls, as the security token service names it (STS \
             `GetCallerIdentity`, which needs no permission). Use it to make sure that a run has the right account before it changes \
             anything.",
            vec![
                text("account_id", "ID of the Alibaba Cloud account."),
                text(
                    "arn",
                    "The identity, such as `acs:ram::<account>:user/<name>` or `…:assumed-role/<role>/<session>`.",
                ),
                text("identity_type", "`Account`, `RAMUser` or `AssumedRoleUser`."),
                text("principal_id", "ID of the identity; of a role session `<role id>:<session name>`."),
                text("user_id", "ID of the RAM user; null for a role."),
                text("role_id", "ID of the assumed role; null for a user."),
            ],
        )
    }

    fn new(clients: Option<Arc<Clients>>) -> Option<Self> {
        clients.map(Self)
    }

    async fn read(&self, cx: &Context, _: Self::Config, _: &mut Diagnostics) -> Result<Self::State, Diagnostics> {
        let found = self.0.cloud.caller_identity(&call_context(cx)).await;
        let found = found.map_err(|error| cloud_error("asking who signs the calls", &error, ""))?;
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(CallerIdentityModel {
            account_id: Some(found.account_id),
            arn: Some(found.arn),
            identity_type: given(found.identity_type),
            principal_id: given(found.principal_id),
            user_id: found.user_id,
            role_id: found.role_id,
        })
    }
}
