//! `GET` and `PUT /api/v1/users/me/privacy-rules`.

use std::borrow::Cow;

use actix_web::http::header::{ETAG, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, get, put, web};
use domain::fault::Fault;
use domain::privacy::{PlainRule, PrivacyRules};
use ports::accounts::KeptRules;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Services;
use crate::address::ClientAddress;
use crate::body::JsonBody;
use crate::caller::{Bearer, Tracker};
use crate::faults::{Faults, FieldFault};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Query;

/// Where rules are shown and changed.
pub(crate) const PATH: &str = "/api/v1/users/me/privacy-rules";

const FIELDS: &[&str] = &["rules", "user_id", "device_id"];
const RULE_FIELDS: &[&str] = &["app", "site", "action", "to"];

/// A person's privacy rules, in the order in which they are asked: of those for applications the first that matches counts, then, on what came out, the first of
/// those for sites.
#[derive(Serialize, ToSchema)]
#[schema(as = PrivacyRules)]
pub(crate) struct RulesBody {
    #[schema(max_items = 500)]
    rules: Vec<RuleBody>,
}

/// What becomes of the time under some applications, or in front of some sites. In a pattern `*` is any run of characters, and the case of no letter counts.
#[derive(Serialize, ToSchema)]
#[schema(as = PrivacyRule)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleBody {
    /// Which applications, by a pattern for the whole name. Either this or `site` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255, example = "keepass*")]
    app: Option<String>,
    /// Which sites: a host, which stands for every name below it too, or a pattern with `*` for a whole host. No scheme, port or path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    site: Option<String>,
    /// `exclude`: nothing of the time is kept. `rename`: it is kept under `to` instead. `hide`, for sites: it is kept under its application alone.
    #[schema(value_type = ActionName, example = "exclude")]
    action: String,
    /// The name to keep instead, for `rename`: an application's, or a host. It must be one that the rules leave as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    to: Option<String>,
}

/// What a rule does.
#[derive(ToSchema)]
#[schema(as = PrivacyAction, rename_all = "lowercase")]
#[expect(dead_code, reason = "tells which words there are; the domain reads and writes them")]
pub(crate) enum ActionName {
    Exclude,
    Rename,
    Hide,
}

/// Rules to put in the place of those before.
#[derive(ToSchema)]
#[schema(as = PrivacyRulesChange)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct RulesChangeBody {
    #[schema(max_items = 500)]
    rules: Vec<RuleBody>,
    /// The caller's own id, or not given.
    user_id: Option<Uuid>,
    /// The caller's own device, or not given.
    device_id: Option<Uuid>,
}

/// Show one's own privacy rules
///
/// They are applied to everything that any device of the person sends before it is kept anywhere. A tracker that applies them itself sends less.
#[utoipa::path(
    operation_id = "show_privacy_rules",
    tag = "accounts",
    params(("If-None-Match" = Option<String>, Header, description = "`ETag`s of rules that are known already")),
    responses(
        (status = 200, description = "The rules", body = RulesBody, headers(("ETag" = String, description = "Stands for these rules"))),
        (status = 304, description = "They are the rules that are known", headers(("ETag" = String, description = "Stands for these rules")))
    ),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/users/me/privacy-rules")]
pub(crate) async fn show(
    request: HttpRequest,
    Tracker(caller): Tracker,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let kept = services.privacy.show(&caller).await?;
    let is_known = match Versions::of(request.headers(), &IF_NONE_MATCH) {
        Some(Versions::Any) => true,
        Some(Versions::These(known)) => known.contains(&kept.version),
        None => false,
    };
    if is_known {
        let etag = (ETAG, etag(kept.version));
        return Ok(HttpResponse::NotModified().insert_header(etag).finish());
    }
    Ok(answer(&kept))
}

/// Put other privacy rules in the place of one's own
///
/// Every node obeys them within a second of the answer, for everything that comes then, by whichever way. What was kept before stays as it is. With `If-Match`
/// nothing that somebody else changed meanwhile is overwritten.
#[utoipa::path(
    operation_id = "change_privacy_rules",
    tag = "accounts",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of the rules that these take the place of; of any, when not given or `*`")),
    request_body = RulesChangeBody,
    responses((status = 200, description = "The rules from now on", body = RulesBody, headers(("ETag" = String, description = "Stands for these rules")))),
    security(("access_token" = []))
)]
#[put("/api/v1/users/me/privacy-rules")]
pub(crate) async fn change(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let mut fields = Fields::of_body(body.text()?, FIELDS)?;
    fields.owned_by(&caller)?;
    let rules = rules(fields)?;
    let seen = match Versions::of(request.headers(), &IF_MATCH) {
        Some(Versions::These(seen)) => Some(seen),
        Some(Versions::Any) | None => None,
    };
    let address = Some(ClientAddress::of(&request).0);
    let kept = services
        .privacy
        .change(&caller, seen.as_deref(), rules, address)
        .await?;
    Ok(answer(&kept))
}

/// Which versions a header names. What is none of ours is the version of nothing.
#[derive(Debug, PartialEq, Eq)]
enum Versions {
    Any,
    These(Vec<u64>),
}

impl Versions {
    fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let given: Vec<_> = headers
            .get_all(name)
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        if given.is_empty() {
            return None;
        }
        let tags = || given.iter().flat_map(|value| value.split(',')).map(str::trim);
        if tags().any(|tag| tag == "*") {
            return Some(Self::Any);
        }
        Some(Self::These(tags().filter_map(version).collect()))
    }
}

fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

fn version(tag: &str) -> Option<u64> {
    let version = tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()?;
    (etag(version) == tag).then_some(version)
}

fn answer(kept: &KeptRules) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((ETAG, etag(kept.version)))
        .json(RulesBody {
            rules: kept.rules.plain().into_iter().map(RuleBody::from).collect(),
        })
}

fn rules(fields: Fields<'_>) -> Result<PrivacyRules, Problem> {
    let list = fields.into_value(|body| body.required("rules", few))?;
    let mut faults = Faults::default();
    let mut plain = Vec::with_capacity(list.len());
    for (index, raw) in list.into_iter().enumerate() {
        let fields = Fields::of_value(raw, RULE_FIELDS).map_err(Faults::from);
        match fields.and_then(|fields| fields.judged(rule)) {
            Ok(rule) => plain.push(rule),
            Err(found) => {
                let parent = format!("/rules/{index}");
                faults.extend(found.into_vec().into_iter().map(|fault| fault.under(&parent)));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    PrivacyRules::parse(&plain).map_err(|found| {
        let fault = |found: domain::privacy::RuleFault| {
            let pointer = found.pointer();
            FieldFault::new(pointer, found.fault.code, found.fault.detail)
        };
        Problem::invalid(found.into_iter().map(fault).collect())
    })
}

fn few(list: Vec<&RawValue>) -> Result<Vec<&RawValue>, Fault> {
    PrivacyRules::check_count(list.len()).map(|()| list)
}

fn rule(rule: &mut Fields<'_>) -> Option<PlainRule> {
    let text = |text: Cow<'_, str>| Ok(Some(text.into_owned()));
    let app = rule.optional("app", None, text);
    let site = rule.optional("site", None, text);
    let action = rule.required("action", |text: Cow<'_, str>| Ok(text.into_owned()));
    let to = rule.optional("to", None, text);
    Some(PlainRule {
        app: app?,
        site: site?,
        action: action?,
        to: to?,
    })
}

impl From<PlainRule> for RuleBody {
    fn from(rule: PlainRule) -> Self {
        Self {
            app: rule.app,
            site: rule.site,
            action: rule.action,
            to: rule.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn versions(values: &[&'static str]) -> Option<Versions> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_MATCH, HeaderValue::from_static(value));
        }
        Versions::of(&headers, &IF_MATCH)
    }

    #[test]
    fn versions_are_read_from_their_tags_and_from_nothing_else() {
        assert_eq!(versions(&[]), None);
        assert_eq!(versions(&["*"]), Some(Versions::Any));
        assert_eq!(
            versions(&["\"1\" , \"20\"", "\"3\""]),
            Some(Versions::These(vec![1, 20, 3]))
        );
        for none in [
            "",
            "1",
            "W/\"1\"",
            "\"01\"",
            "\"+1\"",
            "\"1",
            "\"\"",
            "\"18446744073709551616\"",
        ] {
            assert_eq!(versions(&[none]), Some(Versions::These(vec![])), "{none}");
        }
    }
}
