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

/// Servers with the pages of [`Http2Site`](crate::http2_site::Http2Site).
pub(crate) const HTTP2_SITES: &[Recipe] = &[
    Recipe {
        name: "nginx-http2",
        programs: &["nginx"],
        templates: &["nginx-http2.conf", "nginx-http2-site.conf"],
        ports: &["H2C", "H2", "NARROW", "LEAVING"],
        arguments: &[
            "-p",
            "@DIR@",
            "-e",
            "@DIR@/error.log",
            "-c",
            "@DIR@/nginx-http2.conf",
        ],
    },
    Recipe {
        name: "apache-http2",
        programs: &["apache2", "httpd"],
        templates: &["apache-http2.conf"],
        ports: &["H2C", "H2", "NARROW"],
        arguments: &["-f", "@DIR@/apache-http2.conf", "-DFOREGROUND"],
    },
    Recipe {
        name: "haproxy-http2",
        programs: &["haproxy"],
        templates: &["haproxy-http2.cfg"],
        ports: &["H2C", "H2"],
        arguments: &["-f", "@DIR@/haproxy-http2.cfg"],
    },
    Recipe {
        name: "nghttpd",
        programs: &["nghttpd"],
        templates: &[],
        ports: &["H2"],
        arguments: &[
            "--verbose",
            "--address=127.0.0.1",
            "--echo-upload",
            "--htdocs=@FILES@",
            "@H2@",
            "@KEY@",
            "@CERTIFICATE@",
        ],
    },
    // With padding, and with trailers.
    Recipe {
        name: "nghttpd-plain",
        programs: &["nghttpd"],
        templates: &[],
        ports: &["H2C"],
        arguments: &[
            "--verbose",
            "--address=127.0.0.1",
            "--no-tls",
            "--echo-upload",
            "--padding=100",
            "--trailer=x-checksum: of all",
            "--htdocs=@FILES@",
            "@H2C@",
        ],
    },
    Recipe {
        name: "nghttpd-narrow",
        programs: &["nghttpd"],
        templates: &[],
        ports: &["NARROW"],
        arguments: &[
            "--verbose",
            "--address=127.0.0.1",
            "--no-tls",
            "--max-concurrent-streams=2",
            "--htdocs=@FILES@",
            "@NARROW@",
        ],
    },
    Recipe {
        name: "node",
        programs: &["node", "nodejs"],
        templates: &["node.mjs"],
        ports: &["H2C", "H2", "NARROW", "LIMITED"],
        arguments: &[
            "@DIR@/node.mjs",
            "--h2c=@H2C@",
            "--h2=@H2@",
            "--narrow=@NARROW@",
            "--limited=@LIMITED@",
            "--files=@FILES@",
            "--certificate=@CERTIFICATE@",
            "--key=@KEY@",
        ],
    },
    // `interop/run` builds it.
    Recipe {
        name: "go",
        programs: &["httptrace-go-peer"],
        templates: &[],
        ports: &["H2C", "H2", "STREAM", "CONNECTION", "NARROW", "LEAVING"],
        arguments: &[
            "-h2c=@H2C@",
            "-h2=@H2@",
            "-stream=@STREAM@",
            "-connection=@CONNECTION@",
            "-narrow=@NARROW@",
            "-leaving=@LEAVING@",
            "-files=@FILES@",
            "-certificate=@CERTIFICATE@",
            "-key=@KEY@",
        ],
    },
];

/// Proxies. `@OPEN@` and `@OPEN_TOO@` are the ports to which they tunnel.
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
