#!/usr/bin/env bash
# Proposes what `gx verify` wrote about a network, good or bad: one branch and one pull request for each network.
# The newest record replaces an older one that nobody has merged: the file holds what was known before, too.
set -euo pipefail
stack="$1"
file="networks/$stack/verified.yaml"
branch="verified/$stack"
if [ -z "$(git status --porcelain -- "$file")" ]; then
  echo "$stack: gx verify wrote no record"
  exit 0
fi
git config user.name deploy
git config user.email deploy@users.noreply.github.com
git switch --quiet --create "$branch"
git add -- "$file"
git commit --quiet --message "$stack: what gx verify found"
gh auth setup-git
git push --quiet --force origin "$branch"
if [ -z "$(gh pr list --head "$branch" --state open --json number --jq '.[].number')" ]; then
  gh pr create --base main --head "$branch" --title "$stack: what gx verify found" \
    --body "Written by gx verify. gx promote reads it from main: merge it, also when it says that something failed."
fi
