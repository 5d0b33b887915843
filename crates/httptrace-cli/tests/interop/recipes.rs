//! Who is started, and how.

use crate::server::Recipe;

/// Servers with the pages of [`Site`](crate::site::Site).
pub(crate) const SITES: &[Recipe] = &[
    Recipe {
        name: "nginx",
        programs: &["nginx"],
        templates: &["nginx.conf", "nginx-site.conf"],
        ports: &["HTTP", "TLS12", "TLS13", "MUTUAL"],
        arguments: &[
            "-p",
            "@DIR@",
            "-e",
            "@DIR@/error.log",
            "-c",
            "@DIR@/nginx.conf",
        ],
    },
    Recipe {
        name: "apache",
        programs: &["apache2", "httpd"],
        templates: &["apache.conf"],
        ports: &["HTTP", "TLS12", "TLS13"],
        arguments: &["-f", "@DIR@/apache.conf", "-DFOREGROUND"],
    },
    Recipe {
        name: "haproxy",
        programs: &["haproxy"],
        templates: &["haproxy.cfg"],
        ports: &["HTTP", "TLS12", "TLS13"],
        arguments: &["-f", "@DIR@/haproxy.cfg"],
    },
];

/// Proxies. `@OPEN@` is the port to which they tunnel.
pub(crate) const PROXIES: &[Recipe] = &[
    Recipe {
        name: "tinyproxy",
        programs: &["tinyproxy"],
        templates: &["tinyproxy.conf"],
        ports: &["HTTP"],
        arguments: &["-d", "-c", "@DIR@/tinyproxy.conf"],
    },
    Recipe {
        name: "tinyproxy-guarded",
        programs: &["tinyproxy"],
        templates: &["tinyproxy-guarded.conf"],
        ports: &["GUARDED"],
        arguments: &["-d", "-c", "@DIR@/tinyproxy-guarded.conf"],
    },
    Recipe {
        name: "apache-proxy",
        programs: &["apache2", "httpd"],
        templates: &["apache-proxy.conf"],
        ports: &["HTTP", "GUARDED", "TLS"],
        arguments: &["-f", "@DIR@/apache-proxy.conf", "-DFOREGROUND"],
    },
    Recipe {
        name: "microsocks",
        programs: &["microsocks"],
        templates: &[],
        ports: &["SOCKS"],
        arguments: &["-i", "127.0.0.1", "-p", "@SOCKS@"],
    },
    Recipe {
        name: "microsocks-guarded",
        programs: &["microsocks"],
        templates: &[],
        ports: &["SOCKS_GUARDED"],
        arguments: &[
            "-i",
            "127.0.0.1",
            "-p",
            "@SOCKS_GUARDED@",
            "-u",
            "tester",
            "-P",
            "secret",
        ],
    },
];
