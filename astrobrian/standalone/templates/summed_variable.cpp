{# USES_VARIABLES { N } #}
{# Sums something over the synapses of each target: what each synapse adds is found out for a block of them at once,
   and added in their order. #}
{% extends 'common_group.cpp' %}
{% set _target = get_array_name(_target_var) %}
{% set _at_once = vectorisable(vector_code, variables, variable_indices, get_array_name)
                  and (_target ~ '[') not in (vector_code | join) %}

{% block extra_headers %}
{% if _at_once %}
{% include 'vector_math.h' %}
{% endif %}
{% endblock %}

{% block maincode %}
    {% set _target_idx = get_array_name(_index_var) ~ '[_idx]' %}
    const int _N_targets = {{constant_or_scalar(_target_size_name, variables[_target_size_name])}};
    for (int _cell = 0; _cell < _N_targets; _cell++)
        {{_target}}[{{_target_start}} + _cell] = 0;

    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int _N = {{constant_or_scalar('N', variables['N'])}};
    {% if _at_once %}
    const int _block = 256;
    {{c_data_type(_target_var.dtype)}} _added[_block];
    int _start = 0;
    for (; _start + _block <= _N; _start += _block)
    {
        #pragma omp simd
        for (int _k = 0; _k < _block; _k++)
        {
            const int _idx = _start + _k;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _added[_k] = _synaptic_var;
        }
        for (int _k = 0; _k < _block; _k++)
        {
            const int _idx = _start + _k;
            {{_target}}[{{_target_idx}}] += _added[_k];
        }
    }
    {% else %}
    int _start = 0;
    {% endif %}
    // fewer than a block: one by one, see astrobrian/standalone/vector_loops.py
    for (int _idx = _start; _idx < _N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        {{_target}}[{{_target_idx}}] += _synaptic_var;
    }
{% endblock %}
