//! Why a download failed, and what to do about it.

use super::place::Hub;
use hf_hub::api::sync::ApiError;
use std::io::{self, ErrorKind};

pub(super) fn why(error: &ApiError, hub: &Hub) -> String {
    match error {
        ApiError::RequestError(error) => of_request(error, hub),
        ApiError::IoError(error) => of_file(error, hub),
        ApiError::LockAcquisition(path) => format!(
            "another download of it is under way and holds {}; wait for it, or restart the kernel that stopped it",
            path.display()
        ),
        ApiError::MissingHeader(_) | ApiError::InvalidHeader(_) | ApiError::ParseIntError(_) => {
            format!(
                "{} does not answer as a hub does ({error}); a proxy or a login page may answer for it",
                hub.endpoint
            )
        }
        other => other.to_string(),
    }
}

fn of_request(error: &ureq::Error, hub: &Hub) -> String {
    use ureq::Error::{BadUri, ConnectProxyFailed, HostNotFound, Http, Io, Rustls, StatusCode, Tls};
    match error {
        StatusCode(code) => of_status(*code, hub),
        HostNotFound => format!("the host's name is not found{}; this machine may be offline", by_proxy(hub)),
        // So rustls passes on what it does not accept.
        Io(error) if error.kind() == ErrorKind::InvalidData => of_certificate(error, hub),
        Io(error) => format!("no connection{} ({error}); this machine may be offline", by_proxy(hub)),
        ConnectProxyFailed(answer) => format!("the proxy refuses{} ({answer})", by_proxy(hub)),
        Rustls(_) | Tls(_) => of_certificate(error, hub),
        Http(_) | BadUri(_) => {
            format!("HF_ENDPOINT = {} is not an address such as https://hub", hub.endpoint)
        }
        other => format!("{other}{}", by_proxy(hub)),
    }
}

fn of_certificate(error: &dyn std::error::Error, hub: &Hub) -> String {
    format!("the server's certificate is not accepted{} ({error}); a proxy may read along", by_proxy(hub))
}

fn of_status(code: u16, hub: &Hub) -> String {
    let meaning = match code {
        401 | 403 => {
            "no access: the file is private or gone, or the token in HF_TOKEN or in HF_HOME/token is not valid"
        }
        404 => "there is no such file",
        407 => "the proxy asks for a password; set HTTPS_PROXY=http://name:password@host:port",
        429 => "too many requests; wait some minutes",
        500.. => "the server has a fault; try again later",
        _ => "expected 200 or a redirection",
    };
    format!("HTTP status {code} ({meaning}){}", by_proxy(hub))
}

/// A failure on this machine, or of a connection that had been made.
fn of_file(error: &io::Error, hub: &Hub) -> String {
    let cache = hub.cache.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => format!(
            "the disk is full ({error}); free space, or set HF_HOME to a folder on a larger disk. What came stays below \
             {cache}, and the next call continues it"
        ),
        ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::NotADirectory
        | ErrorKind::AlreadyExists => {
            format!("the cache {cache} cannot be written to ({error}); set HF_HOME to a folder that can")
        }
        _ => format!(
            "the connection or the disk failed ({error}); run again, the next call continues what came"
        ),
    }
}

/// ` through the proxy http://host:port`, or nothing without one.
fn by_proxy(hub: &Hub) -> String {
    let proxy = ureq::Proxy::try_from_env();
    let goes_through = |proxy: &ureq::Proxy| {
        hub.endpoint.parse().is_ok_and(|endpoint: ureq::http::Uri| !proxy.is_no_proxy(&endpoint))
    };
    match proxy.filter(goes_through) {
        Some(proxy) => format!(
            " through the proxy {}:{} that ALL_PROXY, HTTPS_PROXY or HTTP_PROXY names",
            proxy.host(),
            proxy.port()
        ),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the tests on loopback cannot bring about.
    #[test]
    fn certificates_disks_and_locks() {
        let hub = Hub { endpoint: "https://hub".into(), cache: "cache".into() };
        let request =
            |kind| ApiError::RequestError(Box::new(ureq::Error::Io(io::Error::new(kind, "UnknownIssuer"))));
        let file = |kind: ErrorKind| ApiError::IoError(kind.into());
        for (error, part) in [
            (request(ErrorKind::InvalidData), "certificate is not accepted"),
            (request(ErrorKind::TimedOut), "no connection"),
            (file(ErrorKind::StorageFull), "the disk is full"),
            (file(ErrorKind::PermissionDenied), "the cache cache cannot be written to"),
            (file(ErrorKind::ConnectionReset), "run again"),
            (
                ApiError::LockAcquisition("a.lock".into()),
                "another download of it is under way and holds a.lock",
            ),
        ] {
            let line = why(&error, &hub);
            assert!(line.contains(part), "{line}");
        }
    }
}
