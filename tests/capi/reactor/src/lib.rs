//! A C API over tokio: a runtime with threads of its own, timers, channels and sockets.

use std::ffi::c_void;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// A runtime.
pub struct Reactor {
    runtime: Runtime,
}

/// What the program passes to its own function, on another thread.
struct Given(*mut c_void);

// SAFETY: the program says so by passing it.
unsafe impl Send for Given {}

#[unsafe(no_mangle)]
pub extern "C" fn reactor_new(threads: usize) -> Option<Box<Reactor>> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .enable_all()
        .build()
        .ok()?;
    Some(Box::new(Reactor { runtime }))
}

#[unsafe(no_mangle)]
pub extern "C" fn reactor_free(reactor: Option<Box<Reactor>>) {
    drop(reactor);
}

/// Calls a function of the program on one of the reactor's threads, and waits until it has returned.
///
/// # Safety
/// `function` may be called with `given` on another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reactor_after(
    reactor: &Reactor,
    milliseconds: u64,
    function: extern "C" fn(*mut c_void),
    given: *mut c_void,
) -> bool {
    let given = Given(given);
    let task = reactor.runtime.spawn(async move {
        let given = given;
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        function(given.0);
    });
    reactor.runtime.block_on(task).is_ok()
}

/// What as many tasks send through one channel, added up.
#[unsafe(no_mangle)]
pub extern "C" fn reactor_sum(reactor: &Reactor, tasks: u64) -> u64 {
    reactor.runtime.block_on(async {
        let (sender, mut receiver) = mpsc::channel(4);
        for task in 0..tasks {
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(task).await });
        }
        drop(sender);
        let mut sum = 0;
        while let Some(task) = receiver.recv().await {
            sum += task;
        }
        sum
    })
}

/// Sends bytes through a socket of this machine, and reads them back over themselves, last one first.
///
/// # Safety
/// `bytes` are as many as `length` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reactor_echo(reactor: &Reactor, bytes: *mut u8, length: usize) -> bool {
    // SAFETY: see above.
    let bytes = unsafe { std::slice::from_raw_parts_mut(bytes, length) };
    let done: std::io::Result<()> = reactor.runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            let mut read = vec![0; length];
            stream.read_exact(&mut read).await?;
            read.reverse();
            stream.write_all(&read).await
        });
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(bytes).await?;
        stream.read_exact(bytes).await?;
        server.await?
    });
    done.is_ok()
}

/// Whether a task's panic stays in the task.
#[unsafe(no_mangle)]
pub extern "C" fn reactor_survives_panic(reactor: &Reactor) -> bool {
    let task = reactor
        .runtime
        .spawn(async { std::panic::resume_unwind(Box::new("on purpose")) });
    reactor
        .runtime
        .block_on(task)
        .is_err_and(|error: tokio::task::JoinError| error.is_panic())
}
