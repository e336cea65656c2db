"""Who can reach whom: the upstream meaning of NetworkPolicies, evaluated over a Plan. Nothing is contacted."""
