//! A hub on loopback, for tests: it answers as huggingface.co does, redirecting to where the bytes lie.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How it behaves.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Manner {
    Good,
    /// Announces no sha256, and sends whole files when asked for a part.
    Plain,
    /// Sends other bytes than it announces.
    Wrong,
    /// Closes the first download in the middle.
    Cut,
    /// Answers everything with this status.
    Status(u16),
    /// Answers everything with a page, as a login page of a hotel does.
    Page,
    /// Redirects to nowhere.
    Lost,
    /// Accepts a connection and says nothing.
    Stuck,
}

pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

pub(super) struct Server {
    pub(super) endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

struct Hub {
    manner: Manner,
    body: Vec<u8>,
    sha256: &'static str,
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves `body` as every file of every repository, and announces `sha256` for it.
    pub(super) fn start(manner: Manner, body: Vec<u8>, sha256: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(vec![]));
        let mut hub = Hub { manner, body, sha256, endpoint: endpoint.clone(), requests: requests.clone() };
        std::thread::spawn(move || {
            let mut kept = vec![];
            for stream in listener.incoming().flatten() {
                match hub.manner {
                    Manner::Stuck => kept.push(stream),
                    _ => hub.answer(stream),
                }
            }
        });
        Server { endpoint, requests }
    }

    /// `path range`, one for each request so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Hub {
    fn answer(&mut self, mut stream: TcpStream) {
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else { return };
        let range =
            head.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(String::from));
        let range = range.unwrap_or_default();
        self.requests.lock().unwrap().push(format!("{path} {range}"));
        let (first, last) = range.split_once('-').unwrap_or_default();
        let first = first.parse().unwrap_or(0);
        let last = last.parse().unwrap_or(self.body.len().saturating_sub(1));
        let bytes = match self.manner {
            Manner::Status(code) => response(code, "", b""),
            Manner::Page => {
                response(200, "content-type: text/html\r\netag: \"1\"\r\n", b"<html>room number?</html>")
            }
            _ if path.contains("/resolve/") => self.redirection(),
            _ if first >= self.body.len() => response(416, "", b""),
            _ => self.part(first, last),
        };
        let _ = stream.write_all(&bytes);
    }

    fn redirection(&self) -> Vec<u8> {
        let linked = match self.manner {
            Manner::Plain => "etag: \"abc\"\r\n".to_string(),
            _ => format!("etag: \"abc\"\r\nx-linked-etag: \"{}\"\r\n", self.sha256),
        };
        let location = match self.manner {
            Manner::Lost => String::new(),
            _ => format!("location: {}/bytes\r\n", self.endpoint),
        };
        response(302, &format!("x-repo-commit: {COMMIT}\r\n{linked}{location}"), b"")
    }

    fn part(&mut self, mut first: usize, last: usize) -> Vec<u8> {
        if self.manner == Manner::Plain {
            first = 0;
        }
        let mut body = self.body[first..=last].to_vec();
        if self.manner == Manner::Wrong && body.len() > 1 {
            body[1] ^= 1;
        }
        let range = format!("content-range: bytes {first}-{last}/{}\r\netag: \"def\"\r\n", self.body.len());
        let mut bytes = response(206, &range, &body);
        if self.manner == Manner::Cut && body.len() > 1 {
            bytes.truncate(bytes.len() - body.len() / 2);
            self.manner = Manner::Good;
        }
        bytes
    }
}

fn response(code: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {code} x\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}
