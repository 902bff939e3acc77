//! What `worker` does.
pub fn run(args: &crate::cli::WorkerArgs, report: &mut crate::report::Report) -> anyhow::Result<crate::exit_code::ExitCode> { let _=(args,report); todo!() }
