use super::*;

fn target(proxy: &Proxy, https: bool, host: &str) -> String {
    match proxy.via(https, host, 80).unwrap() {
        Via::Direct => "direct".to_owned(),
        Via::Forward(server) => format!("forward by {server}"),
        Via::Tunnel(server) => format!("tunnel through {server}"),
    }
}

#[test]
fn http_is_forwarded_by_http_proxies_and_tunneled_by_all_others() {
    for (url, http, https) in [
        (
            "http://p:1",
            "forward by http://p:1",
            "tunnel through http://p:1",
        ),
        (
            "https://p:1",
            "forward by https://p:1",
            "tunnel through https://p:1",
        ),
        (
            "socks5h://p:1",
            "tunnel through socks5://p:1",
            "tunnel through socks5://p:1",
        ),
    ] {
        let proxy = Proxy::all(url).unwrap();
        assert_eq!(target(&proxy, false, "a"), http);
        assert_eq!(target(&proxy, true, "a"), https);
    }
    assert_eq!(target(&Proxy::none(), true, "a"), "direct");
}

#[test]
fn each_scheme_may_have_its_own_proxy_and_some_hosts_none() {
    let proxy = Proxy::none().https("p:1").unwrap().bypass("b, c:80");
    assert_eq!(target(&proxy, false, "a"), "direct");
    assert_eq!(target(&proxy, true, "a"), "tunnel through http://p:1");
    assert_eq!(target(&proxy, true, "b"), "direct");
    let other = proxy.http("q:2").unwrap().bypass("d");
    assert_eq!(target(&other, false, "b"), "forward by http://q:2");
    assert_eq!(target(&other, true, "d"), "direct");
    // Only the environment's proxies leave this machine alone.
    assert_eq!(target(&other, false, "localhost"), "forward by http://q:2");
}

#[test]
fn credentials_make_another_proxy_of_it_and_are_shown_nowhere() {
    let plain = Proxy::all("http://me:first@p:1").unwrap();
    let proxy = plain.clone().basic_auth("you", "second");
    let server = |proxy: &Proxy| Arc::clone(proxy.server(true, "a", 1).unwrap().unwrap());
    assert_ne!(server(&plain), server(&proxy));
    assert_eq!(
        server(&proxy).authorization().unwrap(),
        "Basic eW91OnNlY29uZA=="
    );
    let text = format!("{plain:?} {proxy:?} {:?}", proxy.via(true, "a", 1));
    for secret in ["first", "second", "me:", "you"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn what_is_no_proxy_is_an_error_of_usage() {
    let error = Proxy::all("socks4://me:secret@p").unwrap_err();
    assert!(error.is_usage());
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("use socks5://") && !text.contains("secret"),
        "{text}"
    );
}
