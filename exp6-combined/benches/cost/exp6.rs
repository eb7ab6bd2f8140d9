use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use exp6_combined::{Async, Scheduler, spawn};

fn main() -> io::Result<()> {
    Scheduler::try_new()?.block_on(async {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
        println!("{}", listener.get_ref().local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            spawn(echo(stream));
        }
    })
}

async fn echo(stream: Async<TcpStream>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read_with(|mut stream| stream.read(&mut buffer)).await?;
        let mut bytes = &buffer[..length];
        if bytes.is_empty() {
            return Ok(());
        }
        while !bytes.is_empty() {
            let written = stream.write_with(|mut stream| stream.write(bytes)).await?;
            bytes = &bytes[written..];
        }
    }
}
