#!/bin/bash
#SBATCH --job-name=symbench
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --gpus-per-task=4
#SBATCH --time=12:00:00
#SBATCH --signal=B:INT@300
# A Ray cluster inside the allocation, and one symbench run on it:
#
#   sbatch scripts/slurm.sh --all --tier full --store /shared/disk/results
#
# All arguments go to `symbench run`. The environment that sbatch is called from must find ray and
# symbench on every node. Five minutes before the time is up the run is interrupted: what is done
# is stored, and the same command goes on from there.
set -euo pipefail

export RAY_USAGE_STATS_ENABLED=0
# who reaches the port of a cluster without a token can run anything on it as you
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN
cores=${SLURM_CPUS_PER_TASK:-1}
gpus=${SLURM_GPUS_PER_TASK:-0}
gpus=${gpus##*:} # "h100:4" names the kind too
port=$((20000 + SLURM_JOB_ID % 10000)) # so that two jobs on one node do not meet
# shares of one node, for `ray start`
limits=(--num-cpus "$cores" --num-gpus "$gpus" --disable-usage-stats --block)

mapfile -t hosts < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=$(srun --nodes=1 --ntasks=1 --nodelist="${hosts[0]}" hostname --ip-address)
head=${head%% *} # of several addresses the first

steps=()
finish() {
    for step in "${steps[@]}"; do kill "$step" 2>/dev/null || true; done
    wait || true
}
trap finish EXIT

srun --nodes=1 --ntasks=1 --nodelist="${hosts[0]}" \
    ray start --head --node-ip-address="$head" --port="$port" --include-dashboard=false \
    "${limits[@]}" &
steps+=($!)
for host in "${hosts[@]:1}"; do
    srun --nodes=1 --ntasks=1 --nodelist="$host" \
        ray start --address="$head:$port" "${limits[@]}" &
    steps+=($!)
done

# a node that comes late is given work when it comes; only the head must be there
for _ in $(seq 120); do
    if (exec 3<>"/dev/tcp/$head/$port") 2>/dev/null; then break; fi
    sleep 1
done

set -m # or the run, in the background, would never hear of an interrupt
symbench run --executor ray --ray-address "$head:$port" "$@" &
run=$!
set +m
trap 'kill -INT $run' INT TERM
code=0
wait "$run" || code=$?
# a trapped signal ends the wait before the run has ended
while kill -0 "$run" 2>/dev/null; do wait "$run" || code=$?; done
exit "$code"
