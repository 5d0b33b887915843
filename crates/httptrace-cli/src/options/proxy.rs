//! What the command line says about proxies.

use httptrace_client::Proxy;

use super::{UsageError, user_and_password};
use crate::cli::ProxyArgs;

/// The proxies to use; absent if nothing was said: the environment's. As in curl, `NO_PROXY` counts for `--proxy` too,
/// unless there is `--noproxy`. The variables are given as a function.
pub(super) fn parse(
    args: &ProxyArgs,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, UsageError> {
    let ProxyArgs {
        proxy,
        proxy_user,
        noproxy,
    } = args;
    let mut chosen = match proxy.as_deref() {
        None if proxy_user.is_none() && noproxy.is_none() => return Ok(None),
        None => Proxy::from_env(),
        Some("") => Proxy::none(),
        Some(url) => {
            let listed = variable("NO_PROXY").filter(|list| !list.is_empty());
            let listed = listed.or_else(|| variable("no_proxy"));
            server(url)?.bypass(&listed.unwrap_or_default())
        }
    };
    if let Some(list) = noproxy {
        chosen = chosen.bypass(list);
    }
    if let Some(user) = proxy_user {
        let (user, password) = user_and_password("--proxy-user", user)?;
        chosen = chosen.basic_auth(user, password);
    }
    Ok(Some(chosen))
}

fn server(url: &str) -> Result<Proxy, UsageError> {
    Proxy::all(url).map_err(|error| {
        UsageError::new(
            format!("--proxy: {error}"),
            "a proxy looks like http://proxy.example:3128 or socks5://127.0.0.1:1080",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: [Option<&str>; 3], no_proxy: Option<&str>) -> Result<String, UsageError> {
        let [proxy, proxy_user, noproxy] = args.map(|arg| arg.map(str::to_owned));
        let args = ProxyArgs {
            proxy,
            proxy_user,
            noproxy,
        };
        let variable = |name: &str| no_proxy.filter(|_| name == "NO_PROXY").map(str::to_owned);
        parse(&args, variable).map(|proxy| format!("{proxy:?}"))
    }

    #[test]
    fn without_options_it_is_the_environments_business() {
        assert_eq!(parsed([None; 3], Some("a.example")).unwrap(), "None");
    }

    #[test]
    fn a_proxy_without_a_scheme_is_http_and_an_empty_one_is_none() {
        let text = parsed([Some("p.example:3128"), None, None], None).unwrap();
        assert!(text.contains("http://p.example:3128"), "{text}");
        let text = parsed([Some(""), None, None], None).unwrap();
        assert!(text.contains("http: None, https: None"), "{text}");
    }

    #[test]
    fn hosts_to_be_reached_without_it_are_the_environments_unless_they_are_given() {
        let text = parsed([Some("p"), None, None], Some("env.example")).unwrap();
        assert!(text.contains(".env.example"), "{text}");
        let text = parsed([Some("p"), None, Some("own.example")], Some("env.example")).unwrap();
        assert!(
            text.contains(".own.example") && !text.contains("env.example"),
            "{text}"
        );
    }

    #[test]
    fn users_have_passwords_and_messages_do_not() {
        let text = parsed([Some("p"), Some("me:secret"), None], None).unwrap();
        assert!(
            text.contains("with credentials") && !text.contains("secret"),
            "{text}"
        );
        let error = parsed([Some("p"), Some("me"), None], None).unwrap_err();
        assert!(error.message.contains("--proxy-user"), "{}", error.message);
        let error = parsed([Some("socks4://me:secret@p"), None, None], None).unwrap_err();
        assert!(error.message.contains("use socks5://"), "{}", error.message);
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}
