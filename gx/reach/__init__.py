"""Who can reach whom: the upstream meaning of NetworkPolicies, judged over a Plan. Nothing is contacted."""
