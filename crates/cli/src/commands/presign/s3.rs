//! Requests to S3.

use valetkey_sign::s3::{Form, Method, PostPolicy, Presigner, SigningKey, post_policy};
use valetkey_sign::v4::Dialect;
use valetkey_sign::{AddressingStyle, AwsHost, Credentials, Endpoint};

use super::PresignError;
use super::answer::Answer;
use super::line::{Ask, FormLine, Pairs, S3Line};
use super::signers::{Signers, instant};

pub(super) fn sign(signers: &mut Signers, line: &S3Line) -> Result<Answer, PresignError> {
    let (ask, signer) = (&line.ask, &line.signer);
    let style = ask.style.map_or(AddressingStyle::VirtualHost, Into::into);
    let endpoint = match &ask.endpoint {
        Some(url) => Endpoint::parse(url, &ask.bucket, style)?,
        None if style == AddressingStyle::Bound => {
            return Err(PresignError::Wrong("style `bound` needs an `endpoint`"));
        }
        None => Endpoint::aws(&signer.region, &ask.bucket, style, AwsHost::Default)?,
    };
    let mut credentials = Credentials::new(&signer.access_key, &signer.secret_key);
    if let Some(token) = &signer.session_token {
        credentials = credentials.with_session_token(token);
    }
    let at = instant(ask.at.as_deref())?;
    let key = signers.derived(Dialect::Aws, credentials, &signer.region, at)?;
    with_key(key, &endpoint, ask, at)
}

/// Signs with a derived key of either dialect.
pub(super) fn with_key(
    key: &SigningKey,
    endpoint: &Endpoint,
    ask: &Ask,
    at: jiff::Timestamp,
) -> Result<Answer, PresignError> {
    if let Some(form) = form(ask)? {
        let fields = borrowed(&form.fields);
        let form = form_of(ask, form, &fields);
        return Ok(post_policy(endpoint, key, at, ask.expires_in, &form)?.into());
    }
    let mut presigner = Presigner::new(endpoint, key, at, ask.expires_in)?;
    if ask.allow_dot_segments {
        presigner = presigner.allowing_dot_segments();
    }
    let headers = lower(&ask.headers);
    let mut url = String::new();
    presigner.presign(
        method(ask)?,
        ask.key.as_bytes(),
        &borrowed(&ask.query),
        &borrowed(&headers),
        &mut url,
    )?;
    Ok(Answer::Url(url))
}

/// The form that is asked for, if any.
pub(super) fn form(ask: &Ask) -> Result<Option<&FormLine>, PresignError> {
    let Some(form) = &ask.form else {
        return Ok(None);
    };
    let is_post = ask.method.as_deref().is_none_or(|method| method == "POST");
    if !is_post || !ask.headers.is_empty() || !ask.query.is_empty() || ask.allow_dot_segments {
        return Err(PresignError::Wrong(
            "a `form` is posted, and has neither `headers`, `query` nor dot segments",
        ));
    }
    Ok(Some(form))
}

pub(super) fn form_of<'a>(
    ask: &'a Ask,
    form: &'a FormLine,
    fields: &'a [(&'a str, &'a str)],
) -> Form<'a> {
    Form {
        key: &ask.key,
        fields,
        content_length: form.content_length,
    }
}

pub(super) fn method(ask: &Ask) -> Result<Method, PresignError> {
    let method = ask.method.as_deref();
    let method = method.ok_or(PresignError::Wrong("`method` is missing"))?;
    Ok(method.parse()?)
}

/// The same headers, names in lower case.
pub(super) fn lower(headers: &Pairs) -> Pairs {
    let lower = |(name, value): &(String, String)| (name.to_ascii_lowercase(), value.clone());
    headers.iter().map(lower).collect()
}

pub(super) fn borrowed(pairs: &Pairs) -> Vec<(&str, &str)> {
    pairs.iter().map(|(n, v)| (&**n, &**v)).collect()
}

impl From<PostPolicy> for Answer {
    fn from(policy: PostPolicy) -> Self {
        Self::Form {
            url: policy.url,
            fields: policy.fields,
        }
    }
}
